"""Logs of any length with a stationary load, drawn from the jobs of KTH-SP2-1996.

    python benchmarks/synthetic.py LOG JOBS FOLDER

writes the columns of such a log into FOLDER, one .npy each, for a process whose memory is then measured.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stellwerk.records import JOB_STATES, MISSING, JobTable, Labels, read_swf, replayable

PROCESSORS = 100
UTILISATION = 0.69
"""That of KTH under EASY."""
SEED = 1


def drawn_columns(log: JobTable, jobs: int) -> dict[str, NDArray[np.int64]]:
    """Run time, limit and size together as of one job of the log; arrivals are a Poisson process."""
    random = np.random.default_rng(SEED)
    row = random.integers(0, len(log), jobs)
    run_s = log.run_s[row]
    processors = log.processors[row]
    area = np.minimum(run_s, log.limit_s[row]) * processors
    gap_s = area.mean() / (PROCESSORS * UTILISATION)
    return {
        "submit_s": np.cumsum(random.exponential(gap_s, jobs)).astype(np.int64),
        "run_s": run_s,
        "requested_s": log.requested_s[row],
        "allocated_processors": processors.astype(np.int32),
    }


def table_of(columns: Mapping[str, NDArray[np.int64]]) -> JobTable:
    """A table with all its columns in memory, as a reader makes it; what is not drawn is missing."""
    jobs = len(columns["submit_s"])
    times = {name: np.full(jobs, MISSING, np.int64) for name in ("eligible_s", "wait_s", "memory_bytes")}
    counts = {
        f"{kind}_{what}": np.full(jobs, MISSING, np.int32)
        for kind in ("requested", "allocated")
        for what in ("processors", "nodes", "accelerators")
    }
    texts = {
        name: Labels(np.full(jobs, MISSING, np.int32), JOB_STATES if name == "state" else ())
        for name in ("user", "account", "partition", "qos", "state")
    }
    number = np.arange(1, jobs + 1)
    return JobTable(
        **({"job_id": number, "line": number.copy()} | times | counts | dict(columns)),
        **texts,
        source=Path("synthetic"),
        header=(),
        zero=None,
        dropped={},
        out_of_order=None,
    )


if __name__ == "__main__":
    drawn = drawn_columns(replayable(read_swf(Path(sys.argv[1]))), int(sys.argv[2]))
    for name, column in drawn.items():
        np.save(Path(sys.argv[3]) / f"{name}.npy", column)
