"""What happened: job records as one table of columns."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MISSING = -1
"""What a column holds where the log does not say; in a text column, the code of no text."""

JOB_STATES = (
    "completed",
    "failed",
    "cancelled",
    "timeout",
    "node_fail",
    "out_of_memory",
    "preempted",
    "requeued",
    "deadline",
    "boot_fail",
    "running",
    "pending",
    "suspended",
)
"""How a job ended, or where it stands, in the words of Slurm."""

DropReason = Literal[
    "partial_execution",
    "job_step",
    "broken_line",
    "truncated_line",
    "no_such_time",
    "repeated_record",
    "times_out_of_order",
    "no_job_id",
    "no_submit_time",
    "not_ended",
    "no_run_time",
    "zero_run_time",
    "no_processors",
]
"""Why a line of a log is not in the table, or a record not a job that can be replayed."""

Remark = Literal[
    "unreadable_value",
    "unknown_state",
    "name_with_separator",
    "not_utf8",
    "clock_shown_twice",
    "tasks_in_one_line",
    "tasks_not_counted",
]
"""What a reader had to make of a line that is in the table."""

Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Finding:
    """How many lines of a log share a property, and the first of them."""

    jobs: int
    first_line: int


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A column of texts: row i holds ``names[code[i]]``, nothing where the code is ``MISSING``; names are unique."""

    code: Int32s
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.code)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Labels:
        """The column of some rows; the names stay."""
        return Labels(self.code[rows], self.names)

    def where(self, name: str) -> NDArray[np.bool_]:
        """Which rows hold ``name``."""
        if name not in self.names:
            return np.zeros(len(self.code), np.bool_)
        return np.equal(self.code, self.names.index(name))


@dataclass(frozen=True, slots=True, eq=False)
class JobTable:
    """Records of jobs in queue order (submit time, then file order); one array per column, one element per record.

    ``job_id`` is unique; every other number is ``MISSING`` where the log does not say. Times are whole seconds,
    instants from the log's own zero, which ``zero`` dates where the log does. ``replayable`` keeps the records that a
    simulation can run.
    """

    job_id: Int64s
    line: Int64s
    """Line of the log that the job stands in, from 1."""
    submit_s: Int64s
    eligible_s: Int64s
    """When nothing but the queue kept the job waiting any more."""
    wait_s: Int64s
    """The wait from submission that the log records."""
    run_s: Int64s
    requested_s: Int64s
    """The limit of the run time."""
    memory_bytes: Int64s
    """Requested, of the whole job."""
    requested_processors: Int32s
    allocated_processors: Int32s
    requested_nodes: Int32s
    allocated_nodes: Int32s
    requested_accelerators: Int32s
    allocated_accelerators: Int32s
    user: Labels
    account: Labels
    partition: Labels
    qos: Labels
    state: Labels
    """One of ``JOB_STATES``."""
    source: Path
    header: tuple[str, ...]
    """The log's comment lines as they stand, with its acknowledgements."""
    zero: datetime.datetime | None
    """The instant of second 0, in UTC."""
    dropped: Mapping[DropReason, Finding]
    """What is in the log and not in the table."""
    remarks: Mapping[Remark, Finding]
    """What is in the table, but not quite as the log says it."""
    out_of_order: Finding | None
    """Jobs submitted before the one that precedes them in the log; the table is sorted."""

    def __len__(self) -> int:
        return len(self.job_id)

    @property
    def processors(self) -> Int64s:
        """Processors allocated or, where the log does not say, requested.

        The two can differ widely (Curie: 4,828 requested, 77,248 allocated); what a job held, others had to wait for.
        """
        return _known(self.allocated_processors, self.requested_processors)

    @property
    def nodes(self) -> Int64s:
        """Nodes allocated or, where the log does not say, requested."""
        return _known(self.allocated_nodes, self.requested_nodes)

    @property
    def accelerators(self) -> Int64s:
        """Accelerators allocated or, where the log does not say, requested; 0 where it says that there were none."""
        return np.where(
            self.allocated_accelerators >= 0, self.allocated_accelerators, self.requested_accelerators
        ).astype(np.int64)

    @property
    def limit_s(self) -> Int64s:
        """Run time requested or, where the log does not say, the run time."""
        return np.where(self.requested_s > 0, self.requested_s, self.run_s)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> JobTable:
        """The table of some rows, by number or by mask."""
        columns: dict[str, Any] = {
            field.name: value[rows] if isinstance(value, np.ndarray) else value.take(rows)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray | Labels)
        }
        return replace(self, **columns)


def _known(allocated: Int32s, requested: Int32s) -> Int64s:
    return np.where(allocated > 0, allocated, requested).astype(np.int64)
