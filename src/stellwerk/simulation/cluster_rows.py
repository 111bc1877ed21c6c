"""What may stand in the file of a cluster, table by table."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from pydantic import Field

from stellwerk.records import MAX_NUMBER
from stellwerk.simulation.cluster import Placement, PreemptionMode, ProcessorIs, SwitchRule
from stellwerk.simulation.policy import FairShare
from stellwerk.workload.boundary import Flag, Number, Section, Size, SizeOrZero

MAX_NODES = 1_000_000

Name = Annotated[str, Field(min_length=1, max_length=200, description="a name of 1 to 200 characters")]
Names = Annotated[list[str], Field(description="a list of names")]
Hours = Annotated[Number, Field(gt=0, le=1e6, allow_inf_nan=False, description="hours, more than 0")]
HoursOrZero = Annotated[Number, Field(ge=0, le=1e6, allow_inf_nan=False, description="hours, 0 or more")]
Share = Annotated[Number, Field(gt=0, le=1, allow_inf_nan=False, description="a share, more than 0 and at most 1")]
Start = Annotated[
    datetime.datetime | Number,
    Field(
        description="a date and time with its offset, such as 2027-03-01T08:00:00+01:00, or hours from the log's zero"
    ),
]
Row = Annotated[dict[str, Any], Field(description="a table")]
Rows = Annotated[list[Row], Field(description="an array of tables, in double brackets")]


class ClusterFile(Section):
    schema_: Annotated[int, Field(alias="schema", ge=1, le=1, description="1")]
    name: Name | None = None
    processors: Annotated[int | None, Field(ge=1, le=MAX_NUMBER, description="a whole number, instead of groups")] = (
        None
    )
    processor_is: Annotated[ProcessorIs, Field(description="core, accelerator or node")] = "core"
    placement: Annotated[Placement, Field(description="packed, spread or first")] = "packed"
    exclusive: Flag = False
    checkpoint_h: Hours | None = None
    max_restarts: Annotated[int, Field(ge=0, le=10_000, description="a whole number from 0 to 10,000")] = 100
    groups: Rows = Field(default_factory=list)
    partitions: Rows = Field(default_factory=list)
    qos: Rows = Field(default_factory=list)
    accounts: Rows = Field(default_factory=list)
    maintenance: Rows = Field(default_factory=list)
    reservations: Rows = Field(default_factory=list)
    switches: Row | None = None
    failures: Row | None = None
    multifactor: Row | None = None


class GroupRow(Section):
    name: Name
    nodes: Annotated[int, Field(ge=1, le=MAX_NODES, description=f"a whole number from 1 to {MAX_NODES:,}")]
    accelerators: Annotated[int, Field(ge=0, le=1024, description="accelerators of one node, 0 to 1,024")] = 0
    cores: Annotated[int | None, Field(ge=1, le=65_536, description="cores of one node, 1 to 65,536")] = None
    memory_gb: Annotated[Number | None, Field(gt=0, le=1e6, description="memory of one node in GB (10^9 bytes)")] = None
    nodes_per_switch: Size | None = None


class PartitionRow(Section):
    name: Name
    groups: Names
    max_limit_h: Hours | None = None
    default_limit_h: Hours | None = None
    max_nodes: Size | None = None
    priority: SizeOrZero = 0
    exclusive: Flag = False


class QosRow(Section):
    name: Name
    priority: SizeOrZero = 0
    preempts: Names = Field(default_factory=list)
    when_preempted: Annotated[PreemptionMode, Field(description="requeue, cancel or off")] = "requeue"


class AccountRow(Section):
    name: Name
    shares: Size = 1
    parent: Name | None = None


class MaintenanceRow(Section):
    start: Start
    duration_h: Hours
    every_h: Hours | None = None
    groups: Names = Field(default_factory=list)


class ReservationRow(Section):
    name: Name
    accounts: Names = Field(default_factory=list)
    users: Names = Field(default_factory=list)
    min_nodes: Size | None = None
    groups: Names = Field(default_factory=list)
    nodes: Size | None = None
    share: Share | None = None
    start: Start | None = None
    duration_h: Hours | None = None
    every_h: Hours | None = None


class SwitchesTable(Section):
    rule: Annotated[SwitchRule, Field(description="anywhere, prefer or require")]
    max_nodes: Size | None = None
    max_wait_h: HoursOrZero = 0.0


class FailuresTable(Section):
    mtbf_h: Hours
    repair_h: Hours


Weight = Annotated[int, Field(ge=0, le=1_000_000_000, description="a whole number, 0 or more")]
Seconds = Annotated[int, Field(ge=1, le=1_000_000_000, description="whole seconds, 1 or more")]
SecondsOrZero = Annotated[int, Field(ge=0, le=1_000_000_000, description="whole seconds, 0 or more")]


class MultifactorTable(Section):
    """The fields of ``Multifactor``, by its names; what is left out is as in Slurm."""

    weight_age: Weight | None = None
    max_age_s: SecondsOrZero | None = None
    weight_fair_share: Weight | None = None
    fair_share: Annotated[FairShare | None, Field(description="fair_tree or classic")] = None
    half_life_s: SecondsOrZero | None = None
    weight_size: Weight | None = None
    favour_small: Flag | None = None
    weight_qos: Weight | None = None
    weight_partition: Weight | None = None
    calc_interval_s: Seconds | None = None
    sched_interval_s: Seconds | None = None
    queue_depth: Weight | None = None
    bf_interval_s: Seconds | None = None
    bf_window_s: Seconds | None = None
    bf_resolution_s: Seconds | None = None
    bf_max_job_test: Weight | None = None
    bf_max_job_user: Weight | None = None
    bf_grouped_ends: Flag | None = None
    preempt_youngest_first: Flag | None = None
