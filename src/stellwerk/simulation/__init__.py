"""Clusters, policies and the event-driven scheduler; importing this room needs the extra ``[sim]``."""

from stellwerk.simulation.cluster import (
    Account,
    Cluster,
    Failures,
    Maintenance,
    NodeGroup,
    Partition,
    Qos,
    Reservation,
    Switches,
)
from stellwerk.simulation.cluster_sources import cluster_of, read_cluster
from stellwerk.simulation.model import (
    OUTCOMES,
    Executions,
    Outcome,
    Schedule,
    Unsatisfiable,
    UnsatisfiableReason,
)
from stellwerk.simulation.nodes import UNKNOWN, Unknown, nodes_are_compiled
from stellwerk.simulation.policy import (
    POLICIES,
    Conservative,
    Easy,
    Fcfs,
    Multifactor,
    Policy,
    policy_named,
)
from stellwerk.simulation.policy_file import PolicySettings, policy_as_toml, read_policy
from stellwerk.simulation.replay import simulate
from stellwerk.simulation.schedule_csv import read_schedule, write_schedule

__all__ = [
    "OUTCOMES",
    "POLICIES",
    "UNKNOWN",
    "Account",
    "Cluster",
    "Conservative",
    "Easy",
    "Executions",
    "Failures",
    "Fcfs",
    "Maintenance",
    "Multifactor",
    "NodeGroup",
    "Outcome",
    "Partition",
    "Policy",
    "PolicySettings",
    "Qos",
    "Reservation",
    "Schedule",
    "Switches",
    "Unknown",
    "Unsatisfiable",
    "UnsatisfiableReason",
    "cluster_of",
    "nodes_are_compiled",
    "policy_as_toml",
    "policy_named",
    "read_cluster",
    "read_policy",
    "read_schedule",
    "simulate",
    "write_schedule",
]
