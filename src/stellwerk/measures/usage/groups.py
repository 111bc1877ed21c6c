"""The same jobs counted by size, state, group and month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from stellwerk.measures.groups import size_class, sizes_of_class
from stellwerk.measures.usage.calendar import Bins
from stellwerk.measures.usage.counted import Counted, Ints
from stellwerk.measures.usage.course import whole_bins
from stellwerk.measures.usage.model import GroupBy, LimitClass, LimitUse, Month, Size, Use
from stellwerk.measures.usage.percentiles import quantiles_by
from stellwerk.measures.usage.steps import split_over_time
from stellwerk.records import MISSING, JobTable, Labels
from stellwerk.units import SECONDS_PER_HOUR

CANCELLED_WAITING = "cancelled_waiting"
"""The state of cancelled jobs that never ran."""

_Name = TypeVar("_Name")
_LIMIT_BOUNDS = (0.1, 0.25, 0.5, 0.75, 0.95)


def use_of_all(counted: Counted) -> Use:
    return _uses(counted, np.zeros(len(counted.ran), np.int64), 1)[0]


def use_by_size(jobs: JobTable, counted: Counted) -> Mapping[Size, Use]:
    """By classes that double (of processors: quadruple); the smallest first, unknown sizes last.

    In a log that knows accelerators, a job of which it says how many processors it has but no accelerator has none.
    """
    if counted.device == "accelerator":
        unknown = (jobs.accelerators == MISSING) & (jobs.processors <= 0)
    else:
        unknown = counted.devices == 0
    step = 2 if counted.device == "processor" else 1
    number = -(-size_class(counted.devices) // step)
    classes = int(number.max(initial=0)) + 1
    code = np.where(counted.devices > 0, number + 1, 0)
    code[unknown] = classes + 1
    sizes = [Size(0, 0), *(_class_size(number, step) for number in range(classes)), Size(None, None)]
    return _named(sizes, _uses(counted, code, classes + 2))


def use_by_state(jobs: JobTable, counted: Counted) -> Mapping[str | None, Use]:
    """By end, the most hours first; jobs cancelled while they waited are told from those cancelled while they ran."""
    names = [*jobs.state.names, CANCELLED_WAITING, None]
    code = np.where(jobs.state.code == MISSING, len(names) - 1, jobs.state.code).astype(np.int64)
    if "cancelled" in jobs.state.names:
        cancelled = jobs.state.names.index("cancelled")
        code[(code == cancelled) & ~counted.ran] = len(names) - 2
    return _by_hours(_named(names, _uses(counted, code, len(names))))


def use_by_label(labels: Labels, counted: Counted) -> Mapping[str | None, Use]:
    """By account, user, partition or QOS, the most hours first."""
    names = [*labels.names, None]
    code = np.where(labels.code == MISSING, len(names) - 1, labels.code).astype(np.int64)
    return _by_hours(_named(names, _uses(counted, code, len(names))))


def group_labels(jobs: JobTable, by: GroupBy) -> Labels:
    return {"account": jobs.account, "user": jobs.user, "partition": jobs.partition, "qos": jobs.qos}[by]


def months_of(
    counted: Counted, bins: Bins, period_s: tuple[int, int], covered_s: tuple[int, int] | None
) -> tuple[Month, ...]:
    """Hours where they were used: a job that runs past the end of a month counts in both."""
    edges_s = np.clip(bins.edges_s, *period_s)
    here = counted.placed & (counted.held_s > 0)
    lost = counted.lost[here].astype(np.int64)
    split_s = split_over_time(counted.start_s[here], counted.end_s[here], counted.devices[here], lost, 2, edges_s)
    month = np.clip(np.searchsorted(edges_s, counted.start_s[counted.by_wait], side="right") - 1, 0, len(bins) - 1)
    waits = quantiles_by(counted.wait_s[counted.by_wait], month, len(bins))
    whole = whole_bins(bins, covered_s)
    return tuple(
        Month(
            start=bins.starts[number],
            hours=float(split_s[:, number].sum() / SECONDS_PER_HOUR),
            lost_hours=float(split_s[1, number] / SECONDS_PER_HOUR),
            started=waits[number].jobs,
            wait_s=waits[number],
            whole=whole[number],
        )
        for number in range(len(bins))
    )


def limit_use(jobs: JobTable, counted: Counted) -> LimitUse:
    """How much of their requested time the jobs used that ran to an end."""
    ended = counted.belongs & counted.ran & ~counted.unfinished & (jobs.run_s > 0)
    limited = ended & (jobs.requested_s > 0)
    run_s, requested_s, devices = jobs.run_s[limited], jobs.requested_s[limited], counted.devices[limited]
    share = run_s / requested_s
    asked = float(requested_s.astype(np.float64) @ devices)
    code = np.searchsorted(_LIMIT_BOUNDS, share, side="right")
    count = np.bincount(code, minlength=len(_LIMIT_BOUNDS) + 1).tolist()
    hours = np.bincount(code, run_s * devices / SECONDS_PER_HOUR, len(_LIMIT_BOUNDS) + 1).tolist()
    p10, p50, p90 = np.percentile(share, (10, 50, 90)).tolist() if len(share) else (None, None, None)
    return LimitUse(
        jobs=len(share),
        without_limit=int(ended.sum()) - len(share),
        p10=p10,
        p50=p50,
        p90=p90,
        of_hours=float(run_s.astype(np.float64) @ devices) / asked if asked else None,
        classes=tuple(
            LimitClass(below, jobs_here, hours_here)
            for below, jobs_here, hours_here in zip((*_LIMIT_BOUNDS, None), count, hours, strict=True)
        ),
    )


def _uses(counted: Counted, code: Ints, groups: int) -> list[Use]:
    by_wait, by_eligible_wait = counted.by_wait, counted.by_eligible_wait
    waits = quantiles_by(counted.wait_s[by_wait], code[by_wait], groups)
    eligible_waits = quantiles_by(counted.eligible_wait_s[by_eligible_wait], code[by_eligible_wait], groups)
    here = counted.belongs
    code = code[here]
    held_s, lost = counted.held_s[here], counted.lost[here]
    jobs = np.bincount(code, minlength=groups).tolist()
    ran = np.bincount(code[counted.ran[here]], minlength=groups).tolist()
    hours = _hours(code, held_s, groups)
    processor_hours = _hours(code, counted.processor_s[here], groups)
    lost_hours = _hours(code[lost], held_s[lost], groups)
    return [Use(*row) for row in zip(jobs, ran, hours, processor_hours, lost_hours, waits, eligible_waits, strict=True)]


def _hours(code: Ints, held_s: Ints, groups: int) -> list[float]:
    """Added up in whole seconds, so that no order of the jobs changes a sum."""
    sums = np.zeros(groups, np.int64)
    np.add.at(sums, code, held_s)
    hours: list[float] = (sums / SECONDS_PER_HOUR).tolist()
    return hours


def _class_size(number: int, step: int) -> Size:
    return Size(sizes_of_class(max(step * (number - 1) + 1, 0))[0], sizes_of_class(step * number)[1])


def _named(names: list[_Name], uses: list[Use]) -> dict[_Name, Use]:
    return {name: use for name, use in zip(names, uses, strict=True) if use.jobs}


def _by_hours(uses: dict[str | None, Use]) -> dict[str | None, Use]:
    return dict(sorted(uses.items(), key=lambda item: (-item[1].hours, -item[1].jobs, item[0] or "")))
