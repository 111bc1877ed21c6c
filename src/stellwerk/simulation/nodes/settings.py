"""What a policy and a cluster say about scheduling, as one row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.simulation.cluster import Cluster
from stellwerk.simulation.nodes.tables import (
    CONSERVATIVE,
    EASY,
    FCFS,
    FIRST,
    MULTIFACTOR,
    PACKED,
    SETTINGS,
    SPREAD,
)
from stellwerk.simulation.policy import Conservative, Easy, Fcfs, Multifactor, Policy

_PLACEMENTS = {"packed": PACKED, "spread": SPREAD, "first": FIRST}
_SAME_NAME = (
    "weight_age", "max_age_s", "weight_fair_share", "half_life_s", "calc_interval_s", "sched_interval_s", "queue_depth",
    "bf_interval_s", "bf_window_s", "bf_resolution_s", "bf_max_job_test", "bf_max_job_user",
    "bf_grouped_ends",
)  # fmt: skip


def settings_of(cluster: Cluster, policy: Policy, counted: int, seed: int) -> NDArray[np.void]:
    """Raises InputError for conservative backfilling that keeps its reservations."""
    settings = np.zeros(1, SETTINGS)
    row = settings[0]
    row["arrivals_first"] = policy.order == "arrivals_first"
    row["placement"] = _PLACEMENTS[cluster.placement]
    row["counted"] = counted
    row["checkpoint_s"] = cluster.checkpoint_s or 0
    row["switch_wait_s"] = cluster.switches.max_wait_s
    row["seed"] = seed
    row["max_restarts"] = cluster.max_restarts
    if cluster.failures is not None:
        row["mtbf_s"], row["repair_s"] = cluster.failures.mtbf_s, cluster.failures.repair_s
    match policy:
        case Fcfs():
            row["policy"] = FCFS
        case Easy():
            row["policy"] = EASY
        case Conservative(replan=True):
            row["policy"] = CONSERVATIVE
        case Conservative():
            raise InputError(
                "nodes are planned anew in each pass, no reservation is kept",
                key="policy",
                value="conservative",
                allowed="conservative_replan, or pooled processors",
            )
        case Multifactor():
            row["policy"] = MULTIFACTOR
            row["classic"] = policy.fair_share == "classic"
            row["youngest_first"] = policy.preempt_youngest_first
            for name in _SAME_NAME:
                row[name] = getattr(policy, name)
    return settings
