"""A job log as a report on the use of its cluster."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import get_args

import numpy as np

from stellwerk.errors import InputError
from stellwerk.measures.usage.calendar import calendar_bins
from stellwerk.measures.usage.counted import Counted, choose_device, count_jobs
from stellwerk.measures.usage.course import Load, coarse_bins, course_of, fine_bins, load_of
from stellwerk.measures.usage.groups import (
    group_labels,
    limit_use,
    months_of,
    use_by_label,
    use_by_size,
    use_by_state,
    use_of_all,
)
from stellwerk.measures.usage.model import Capacity, Device, Edges, GroupBy, Usage
from stellwerk.records import MISSING, JobTable
from stellwerk.units import SECONDS_PER_HOUR

_END_OF_CALENDAR = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)


def usage_of(
    jobs: JobTable,
    *,
    zone: datetime.tzinfo = datetime.UTC,
    capacities: Mapping[Device, Capacity] | None = None,
    device: Device | None = None,
    by: GroupBy | None = None,
    period_s: tuple[int, int] | None = None,
) -> Usage:
    """What a log of at least one job says about the use of its cluster.

    Days, weeks and months are those of ``zone``. ``capacities`` say how many devices there are. ``device`` is what
    hours are of, otherwise chosen by what the log holds. ``by`` is account where the log knows accounts, else user.
    ``period_s`` (first second, second beyond; of the log) counts only what was used in it.

    Raises InputError for a device or a group that the log says nothing of (keys ``device`` and ``by``), and for sizes
    and times beyond what can be added up.
    """
    _refuse_what_it_does_not_know(jobs, device, by)
    device = device or choose_device(jobs)
    counted = count_jobs(jobs, device, period_s)
    capacity = (capacities or {}).get(device, Capacity(None, "unknown"))
    edges = _edges(jobs, counted)
    span_s = _span(edges)
    if jobs.zero is not None and span_s[1] > (_END_OF_CALENDAR - jobs.zero).total_seconds():
        raise InputError("holds times beyond the calendar", file=jobs.source)
    is_part = period_s is not None
    period_s = period_s or span_s
    seen_s = (max(period_s[0], span_s[0]), min(period_s[1], span_s[1]))
    if seen_s[0] >= seen_s[1]:  # a period beside the log
        seen_s = period_s
    covered_s = _common(edges.covered_s, seen_s)
    by = by or ("account" if (jobs.account.code >= 0).any() else "user")
    load = load_of(jobs, counted, span_s[1])
    coarse, fine = (
        course_of(load, bins(seen_s, jobs.zero, zone), period_s=seen_s, covered_s=covered_s)
        for bins in (coarse_bins, fine_bins)
    )
    mean_held = _mean_held(load, covered_s)
    return Usage(
        zero=jobs.zero,
        zone=zone,
        period_s=period_s,
        is_part=is_part,
        covered_s=covered_s,
        edges=edges,
        device=counted.device,
        capacity=capacity,
        total=use_of_all(counted),
        sizes=use_by_size(jobs, counted),
        states=use_by_state(jobs, counted),
        by=by,
        groups=use_by_label(group_labels(jobs, by), counted),
        users=_names(jobs.user.code, counted),
        accounts=_names(jobs.account.code, counted),
        limits=limit_use(jobs, counted),
        months=months_of(counted, calendar_bins(*seen_s, "month", jobs.zero, zone), seen_s, covered_s),
        coarse=coarse,
        fine=fine,
        most_held=max(coarse.most_held),
        mean_held=mean_held,
        utilisation=mean_held / capacity.devices if mean_held is not None and capacity.devices else None,
        unplaced=int((counted.belongs & counted.ran & ~counted.placed).sum()),
        never_ran=int((counted.belongs & ~counted.ran).sum()),
        accelerator_jobs=int((counted.belongs & (jobs.accelerators > 0)).sum()),
        accelerator_hours=float(counted.accelerator_s.sum() / SECONDS_PER_HOUR),
        left_queue=int((counted.belongs & ~counted.ran & ~counted.unfinished).sum()),
        eligible_later=int(((counted.eligible_wait_s != MISSING) & (counted.eligible_wait_s < counted.wait_s)).sum()),
    )


def _refuse_what_it_does_not_know(jobs: JobTable, device: Device | None, by: GroupBy | None) -> None:
    held = {"accelerator": jobs.accelerators, "processor": jobs.processors, "node": jobs.nodes}
    devices = [name for name, count in held.items() if (count > 0).any()]
    if device is not None and device not in devices:
        raise InputError("the log counts none", key="device", value=device, allowed=devices)
    groups = [name for name in get_args(GroupBy) if (group_labels(jobs, name).code != MISSING).any()]
    if by is not None and by not in groups:
        raise InputError("the log names none", key="by", value=by, allowed=groups)


def _edges(jobs: JobTable, counted: Counted) -> Edges:
    submits_s = jobs.submit_s[jobs.submit_s != MISSING]
    first_submit_s, last_submit_s = int(submits_s.min(initial=2**62)), int(submits_s.max(initial=0))
    first_submit_s = min(first_submit_s, last_submit_s)  # without any submit both are 0
    start_s, end_s = counted.start_s[counted.placed], counted.end_s[counted.placed]
    ended = counted.placed & ~counted.unfinished
    first_end_s = int(counted.end_s[ended].min()) if ended.any() else None
    covered_s = (first_end_s, last_submit_s) if first_end_s is not None and first_end_s < last_submit_s else None
    before = after = 0
    if covered_s is not None:
        before = int(((start_s < covered_s[0]) & (end_s > covered_s[0])).sum())
        after = int(((start_s < covered_s[1]) & (end_s > covered_s[1])).sum())
    return Edges(
        first_submit_s=first_submit_s,
        last_submit_s=last_submit_s,
        first_start_s=int(start_s.min()) if len(start_s) else None,
        first_end_s=first_end_s,
        last_end_s=int(end_s.max()) if len(end_s) else None,
        covered_s=covered_s,
        started_before=before,
        ended_after=after,
        unfinished=int(counted.unfinished.sum()),
    )


def _span(edges: Edges) -> tuple[int, int]:
    """From the first to the last thing that the log knows of; at least a second."""
    first = edges.first_submit_s
    last = max(edges.last_submit_s, edges.last_end_s or edges.last_submit_s)
    return first, max(last, first + 1)


def _common(one_s: tuple[int, int] | None, other_s: tuple[int, int]) -> tuple[int, int] | None:
    if one_s is None:
        return None
    first, beyond = max(one_s[0], other_s[0]), min(one_s[1], other_s[1])
    return (first, beyond) if first < beyond else None


def _mean_held(load: Load, covered_s: tuple[int, int] | None) -> float | None:
    if covered_s is None:
        return None
    held = load.running.held(load.running_devices, np.array(covered_s, np.int64))
    return float(held.total_s[0] / (covered_s[1] - covered_s[0]))


def _names(code: np.ndarray, counted: Counted) -> int:
    """How many different names the counted jobs have."""
    return len(np.unique(code[counted.belongs & (code >= 0)]))
