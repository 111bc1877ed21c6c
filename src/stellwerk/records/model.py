"""What happened: job records as one table of columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MISSING = -1
"""What a column holds where the log does not say."""

DropReason = Literal[
    "partial_execution", "no_job_id", "no_submit_time", "no_run_time", "zero_run_time", "no_processors"
]
"""Why a line of a log is not a job that can be replayed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How many lines of a log share a property, and the first of them."""

    jobs: int
    first_line: int


@dataclass(frozen=True, slots=True, eq=False)
class JobTable:
    """Jobs in queue order (submit time, then file order); one int64 array per column, one element per job.

    ``job_id`` is unique; ``submit_s``, ``run_s`` and at least one of the processor columns are known;
    the others hold ``MISSING`` where the log does not say. Times are seconds, submits from the log's own zero.
    """

    job_id: NDArray[np.int64]
    line: NDArray[np.int64]
    """Line of the log that the job stands in, from 1."""
    submit_s: NDArray[np.int64]
    wait_s: NDArray[np.int64]
    """The wait that the log records."""
    run_s: NDArray[np.int64]
    requested_s: NDArray[np.int64]
    allocated_processors: NDArray[np.int64]
    requested_processors: NDArray[np.int64]
    source: Path
    header: tuple[str, ...]
    """The log's comment lines as they stand, with its acknowledgements."""
    dropped: Mapping[DropReason, Finding]
    """What is in the log and not in the table."""
    out_of_order: Finding | None
    """Jobs submitted before the one that precedes them in the log; the table is sorted."""

    def __len__(self) -> int:
        return len(self.job_id)

    @property
    def processors(self) -> NDArray[np.int64]:
        """Processors allocated or, where the log does not say, requested.

        The two can differ widely (Curie: 4,828 requested, 77,248 allocated); what a job held, others had to wait for.
        """
        return np.where(self.allocated_processors > 0, self.allocated_processors, self.requested_processors)

    @property
    def limit_s(self) -> NDArray[np.int64]:
        """Run time requested or, where the log does not say, the run time."""
        return np.where(self.requested_s > 0, self.requested_s, self.run_s)
