"""Devices in use and jobs in the queue over time."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from stellwerk.measures.over_time import time_edges
from stellwerk.measures.usage.calendar import BinKind, Bins, calendar_bins, local_starts
from stellwerk.measures.usage.counted import Counted, Ints
from stellwerk.measures.usage.model import Course
from stellwerk.measures.usage.steps import Timeline
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
    edges_s = np.minimum(time_edges(*period_s), period_s[1])
    return Bins("moment", edges_s, local_starts(edges_s[:-1], zero, zone))


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """What runs and what waits over time, with the devices that each of these jobs holds or waits for."""

    running: Timeline
    running_devices: Ints
    waiting: Timeline
    waiting_devices: Ints


def load_of(jobs: JobTable, counted: Counted, last_s: int) -> Load:
    """Everything that the log places in time. Jobs that still wait when the log ends do so until ``last_s``."""
    runs = counted.placed & (counted.end_s > counted.start_s)
    pending = counted.unfinished & ~counted.ran & (jobs.submit_s != MISSING)
    until_s = np.where(pending, last_s, counted.start_s)
    known = (jobs.eligible_s != MISSING) & (jobs.eligible_s <= until_s)
    since_s = np.where(known, jobs.eligible_s, jobs.submit_s)
    waits = (counted.placed | pending) & (until_s > since_s)
    return Load(
        running=Timeline(counted.start_s[runs], counted.end_s[runs]),
        running_devices=counted.devices[runs],
        waiting=Timeline(since_s[waits], until_s[waits]),
        waiting_devices=counted.devices[waits],
    )


def course_of(load: Load, bins: Bins, *, period_s: tuple[int, int], covered_s: tuple[int, int] | None) -> Course:
    """Means and peaks in each bin, cut to the period."""
    edges_s = np.clip(bins.edges_s, *period_s)
    held = load.running.held(load.running_devices, edges_s)
    queue = load.waiting.held(np.ones_like(load.waiting_devices), edges_s)
    queued_devices = load.waiting.held(load.waiting_devices, edges_s)
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
