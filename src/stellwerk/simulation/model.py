"""What the simulation returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stellwerk.records import MISSING

UnsatisfiableReason = Literal[
    "more_processors_than_the_machine",
    "more_than_the_machine",
    "more_than_the_partition_holds",
    "more_nodes_than_the_partition_allows",
    "longer_than_the_partition_allows",
    "more_than_one_switch_group_holds",
    "kept_out_by_windows",
    "unknown_partition",
    "unknown_qos",
    "unknown_account",
    "never_enough_nodes_up",
    "restarted_too_often",
]
"""Why a job can never run to its end."""

Outcome = Literal["completed", "preempted", "node_failed", "cancelled"]
OUTCOMES: tuple[Outcome, ...] = ("completed", "preempted", "node_failed", "cancelled")
"""How an execution ended, by the code that ``Executions`` holds: ``cancelled`` is preempted and not queued again."""


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """A job that was not run to its end, the line of the log that it stands in, and why."""

    job_id: int
    line: int
    reason: UnsatisfiableReason


@dataclass(frozen=True, slots=True, eq=False)
class Executions:
    """Each time that a job ran, in the order of the starts: one more than a job's restarts.

    ``job`` is the row of the schedule; execution i held ``node[node_offset[i] : node_offset[i + 1]]``, nodes being
    numbered through the groups of the cluster, of each so many ``accelerators``, ``cores`` and ``memory_bytes``: all
    of it where a job takes whole nodes. ``outcome`` indexes ``OUTCOMES``.
    """

    job: NDArray[np.int64]
    start_s: NDArray[np.int64]
    end_s: NDArray[np.int64]
    outcome: NDArray[np.int8]
    node_offset: NDArray[np.int64]
    node: NDArray[np.int32]
    accelerators: NDArray[np.int32]
    cores: NDArray[np.int32]
    memory_bytes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.job)


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """When each job ran and on what; int64 arrays in queue order, times in seconds.

    ``start_s`` is the first start, ``end_s`` the last end. ``accelerators`` and ``nodes`` hold ``MISSING`` where
    nothing is known of them. ``restarts`` and ``lost_s``, the run time whose work was lost, are zero where nothing
    stops a job; ``executions`` is there where the cluster has nodes. Jobs in ``unsatisfiable`` have no row.
    """

    job_id: NDArray[np.int64]
    submit_s: NDArray[np.int64]
    start_s: NDArray[np.int64]
    end_s: NDArray[np.int64]
    processors: NDArray[np.int64]
    accelerators: NDArray[np.int64]
    nodes: NDArray[np.int64]
    restarts: NDArray[np.int64]
    lost_s: NDArray[np.int64]
    executions: Executions | None = None
    unsatisfiable: tuple[Unsatisfiable, ...] = ()

    @classmethod
    def of_processors(
        cls,
        job_id: NDArray[np.int64],
        submit_s: NDArray[np.int64],
        start_s: NDArray[np.int64],
        end_s: NDArray[np.int64],
        processors: NDArray[np.int64],
        *,
        unsatisfiable: tuple[Unsatisfiable, ...] = (),
    ) -> Schedule:
        """A schedule of which no more than processors is known, each job running once."""
        unknown, none = np.full(len(job_id), MISSING, np.int64), np.zeros(len(job_id), np.int64)
        return cls(
            job_id, submit_s, start_s, end_s, processors, unknown, unknown, none, none, unsatisfiable=unsatisfiable
        )

    def __len__(self) -> int:
        return len(self.job_id)

    @property
    def wait_s(self) -> NDArray[np.int64]:
        return self.start_s - self.submit_s

    @property
    def run_s(self) -> NDArray[np.int64]:
        """First start to last end: with waits in between where a job was stopped and started again."""
        return self.end_s - self.start_s
