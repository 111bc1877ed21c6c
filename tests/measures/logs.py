"""Small logs."""

from __future__ import annotations

from pathlib import Path

from stellwerk.records import JobTable, read_swf, replayable
from tests.records.tables import job_table

EXCERPT = Path(__file__).parents[1] / "data/swf/kth-sp2-1996-first-2500.swf.gz"


def some_jobs(
    *, run_s: tuple[int, ...] = (50, 60, 70, 80), requested_s: tuple[int, ...] = (100, 100, 100, -1)
) -> JobTable:
    """Four jobs, one every 100 seconds from second 5."""
    return job_table(
        submit_s=[5, 105, 205, 305],
        eligible_s=[5, -1, 205, 305],
        run_s=run_s,
        requested_s=requested_s,
        allocated_processors=[1, 2, 3, 4],
        account=["startup", None, "climate", "startup"],
        user=["ada", "bob", "ada", "cyd"],
    )


def excerpt() -> JobTable:
    """The first 2,500 jobs of KTH-SP2-1996, on 100 nodes."""
    return replayable(read_swf(EXCERPT))
