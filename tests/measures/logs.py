"""Small logs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stellwerk.records import JobTable, read_swf

EXCERPT = Path(__file__).parents[1] / "data/swf/kth-sp2-1996-first-2500.swf.gz"


def some_jobs(
    *, run_s: tuple[int, ...] = (50, 60, 70, 80), requested_s: tuple[int, ...] = (100, 100, 100, -1)
) -> JobTable:
    """Four jobs, one every 100 seconds from second 5."""
    count = len(run_s)
    return JobTable(
        job_id=np.arange(1, count + 1),
        line=np.arange(1, count + 1),
        submit_s=5 + 100 * np.arange(count),
        wait_s=np.full(count, -1),
        run_s=np.array(run_s),
        requested_s=np.array(requested_s),
        allocated_processors=np.array([1, 2, 3, 4]),
        requested_processors=np.full(count, -1),
        source=Path("log.swf"),
        header=(),
        dropped={},
        out_of_order=None,
    )


def excerpt() -> JobTable:
    """The first 2,500 jobs of KTH-SP2-1996, on 100 nodes."""
    return read_swf(EXCERPT)
