"""What a change makes of the jobs of a log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stellwerk.records import JobTable


def compress_arrivals(jobs: JobTable, factor: float) -> JobTable:
    """The same jobs, submitted ``factor`` times as fast, counted from the first."""
    first_s = int(jobs.submit_s[0])

    def nearer(time_s: NDArray[np.int64]) -> NDArray[np.int64]:
        known = time_s >= first_s
        return np.where(known, first_s + np.rint((time_s - first_s) / factor).astype(np.int64), time_s)

    return replace(jobs, submit_s=nearer(jobs.submit_s), eligible_s=nearer(jobs.eligible_s))


def cut_at_limit(jobs: JobTable, limit_s: int) -> JobTable:
    """Jobs that run longer than ``limit_s`` become several that go on from one another, as with checkpoints.

    A part is submitted one limit after the one before it, the earliest that one can have ended: parts of a job that
    has to wait can overlap, the work and its arrival stay the same. No job asks for more than ``limit_s``. New
    parts have ids above all others and stand in the line of their job.
    """
    run_s = np.minimum(jobs.run_s, jobs.limit_s)
    parts = np.maximum(-(-run_s // limit_s), 1)
    row = np.repeat(np.arange(len(jobs)), parts)
    part = np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)
    cut = jobs.take(row)
    job_id = np.where(part == 0, cut.job_id, jobs.job_id.max(initial=0) + np.cumsum(part > 0))
    cut = replace(
        cut,
        job_id=job_id,
        submit_s=cut.submit_s + part * limit_s,
        eligible_s=np.where(cut.eligible_s >= 0, cut.eligible_s + part * limit_s, cut.eligible_s),
        run_s=np.where(parts[row] > 1, np.minimum(run_s[row] - part * limit_s, limit_s), cut.run_s),
        requested_s=np.minimum(cut.limit_s, limit_s),
    )
    return cut.take(np.argsort(cut.submit_s, kind="stable"))
