"""Which records of a log a simulation can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.model import MISSING, DropReason, Finding, JobTable


def replayable(jobs: JobTable) -> JobTable:
    """The records of jobs that have ended, with a submit time, a positive run time and a positive number of processors,
    nodes or accelerators.

    The others are counted in ``dropped``, under the first reason that holds. Raises InputError where none is left.
    """
    size = np.maximum(np.maximum(jobs.processors, jobs.nodes), jobs.accelerators)
    reasons: dict[DropReason, NDArray[np.bool_]] = {
        "no_submit_time": jobs.submit_s == MISSING,
        # Its run time so far is not the one it will have.
        "not_ended": jobs.state.where("running") | jobs.state.where("suspended"),
        "no_run_time": jobs.run_s == MISSING,
        "zero_run_time": jobs.run_s == 0,
        "no_processors": size <= 0,
    }
    kept = np.ones(len(jobs), np.bool_)
    dropped = dict(jobs.dropped)
    for reason, holds in reasons.items():
        lines = jobs.line[holds & kept]
        if len(lines):
            dropped[reason] = Finding(len(lines), int(lines.min()))
        kept &= ~holds
    if not kept.any():
        raise InputError("holds no usable job", file=jobs.source, value=_described(dropped))
    left = jobs if kept.all() else jobs.take(kept)
    return replace(left, dropped=dropped)


def _described(dropped: Mapping[DropReason, Finding]) -> str:
    return ", ".join(f"{finding.jobs} dropped: {reason}" for reason, finding in dropped.items()) or "no row"
