"""Replay a job log on a machine under a policy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records import MAX_NUMBER, JobTable
from stellwerk.simulation.model import POLICIES, Policy, Schedule
from stellwerk.simulation.pooled import easy_starts_s


def simulate(jobs: JobTable, *, processors: int, policy: Policy) -> Schedule:
    """The schedule of a log on a machine of pooled identical processors.

    A job takes ``jobs.processors`` of them, its scheduler counts on ``jobs.limit_s`` and it ends after its run
    time or at its limit, whichever comes first. ``docs/algorithms`` gives the exact semantics.

    Raises InputError for an unknown policy, a machine without processors and a job larger than the machine.
    """
    if policy not in POLICIES:
        raise InputError("unknown policy", key="policy", value=policy, allowed=POLICIES)
    if not 1 <= processors <= MAX_NUMBER:
        raise InputError("no size of a machine", key="processors", value=processors, allowed=f"1 to {MAX_NUMBER:,}")
    need = jobs.processors
    _refuse_oversized(jobs, need, processors)
    run_s = np.minimum(jobs.run_s, jobs.limit_s)
    start_s = easy_starts_s(jobs.submit_s, run_s, jobs.limit_s, need, processors, policy == "easy", False)
    return Schedule(jobs.job_id, jobs.submit_s, start_s, start_s + run_s, need)


def _refuse_oversized(jobs: JobTable, need: NDArray[np.int64], processors: int) -> None:
    oversized = np.flatnonzero(need > processors)
    if len(oversized) == 0:
        return
    first = oversized[0]
    others = f"; {len(oversized) - 1} more jobs do as well" if len(oversized) > 1 else ""
    raise InputError(
        f"job {jobs.job_id[first]} needs more processors than the machine's {processors}{others}",
        file=jobs.source,
        key=f"line {jobs.line[first]}",
        value=int(need[first]),
    )
