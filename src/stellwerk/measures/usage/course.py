"""Devices in use and jobs in the queue over time."""

from __future__ import annotations

import datetime

import numpy as np

from stellwerk.measures.over_time import time_edges
from stellwerk.measures.usage.calendar import BinKind, Bins, calendar_bins, local_starts
from stellwerk.measures.usage.counted import Counted, Ints
from stellwerk.measures.usage.model import Course
from stellwerk.measures.usage.steps import Held, held_over_time
from stellwerk.records import MISSING, JobTable
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

BINS_AT_MOST = 32
_LENGTHS_S: dict[BinKind, float] = {"day": SECONDS_PER_DAY, "week": 7 * SECONDS_PER_DAY}


def coarse_bins(period_s: tuple[int, int], zero: datetime.datetime | None, zone: datetime.tzinfo) -> Bins:
    """Days, weeks or months: the shortest that make at most ``BINS_AT_MOST``."""
    kinds = (kind for kind, length_s in _LENGTHS_S.items() if period_s[1] - period_s[0] <= BINS_AT_MOST * length_s)
    return calendar_bins(*period_s, next(kinds, "month"), zero, zone)


def fine_bins(period_s: tuple[int, int], zero: datetime.datetime | None, zone: datetime.tzinfo) -> Bins:
    """About 150 equal spans at most, from the start of the period on: for pictures."""
    edges_s = time_edges(*period_s)
    return Bins("moment", edges_s, local_starts(edges_s[:-1], zero, zone))


def course_of(
    jobs: JobTable,
    counted: Counted,
    bins: Bins,
    *,
    period_s: tuple[int, int],
    covered_s: tuple[int, int] | None,
    last_s: int,
) -> Course:
    """What was used and what waited in each bin of the period; the log ends at ``last_s``."""
    edges_s = np.clip(bins.edges_s, *period_s)
    running = counted.placed & (counted.end_s > counted.start_s)
    held = held_over_time(counted.start_s[running], counted.end_s[running], counted.devices[running], edges_s)
    queue, queued_devices = _queue(jobs, counted, edges_s, last_s)
    length_s = np.diff(edges_s)
    return Course(
        bins=bins,
        whole=whole_bins(bins, covered_s),
        hours=tuple((held.total_s / SECONDS_PER_HOUR).tolist()),
        mean_held=tuple((held.total_s / length_s).tolist()),
        most_held=tuple(held.most.tolist()),
        mean_queue=tuple((queue.total_s / length_s).tolist()),
        most_queue=tuple(queue.most.tolist()),
        mean_queue_devices=tuple((queued_devices.total_s / length_s).tolist()),
    )


def whole_bins(bins: Bins, covered_s: tuple[int, int] | None) -> tuple[bool, ...]:
    """Which bins lie in the part that the log covers."""
    if covered_s is None:
        return (False,) * len(bins)
    inside = (bins.edges_s[:-1] >= covered_s[0]) & (bins.edges_s[1:] <= covered_s[1])
    return tuple(inside.tolist())


def _queue(jobs: JobTable, counted: Counted, edges_s: Ints, last_s: int) -> tuple[Held, Held]:
    """Jobs that waited, and the devices that they waited for."""
    pending = counted.unfinished & ~counted.ran & (jobs.submit_s != MISSING)
    until_s = np.where(pending, last_s, counted.start_s)
    known = (jobs.eligible_s != MISSING) & (jobs.eligible_s <= until_s)
    since_s = np.where(known, jobs.eligible_s, jobs.submit_s)
    waited = (counted.placed | pending) & (until_s > since_s)
    begin_s, end_s = since_s[waited], until_s[waited]
    return (
        held_over_time(begin_s, end_s, np.ones(len(begin_s), np.int64), edges_s),
        held_over_time(begin_s, end_s, counted.devices[waited], edges_s),
    )
