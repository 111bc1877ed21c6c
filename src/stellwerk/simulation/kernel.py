"""The event-driven scheduler over pooled identical processors: FCFS and EASY backfilling in one loop.

A job is its row number; rows are in queue order (submit time, then file order). Processors are only counted,
a job takes any of them. Time is whole seconds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.simulation.compiled import compiled

Int64s = NDArray[np.int64]

NOBODY = -1
NEVER_S = 2**62


class Calendar(NamedTuple):
    """Running jobs in the order of a time: rows ``window[0]`` up to ``window[1]`` of both columns.

    Every job enters once and the window only moves forward, so one row per job is enough.
    """

    time_s: Int64s
    job: Int64s
    window: Int64s


@compiled
def start_times_s(
    submit_s: Int64s, run_s: Int64s, limit_s: Int64s, processors: Int64s, machine_processors: int, backfill: bool
) -> Int64s:
    """When each job starts under FCFS or, with ``backfill``, under EASY (Lifka 1995).

    At each distinct time: all completions, then all arrivals, then one pass over the queue. The scheduler plans
    with ``limit_s``; jobs end after ``run_s``. Submit times must not decrease, ``1 <= run_s <= limit_s`` and
    ``1 <= processors <= machine_processors``.
    """
    jobs = len(submit_s)
    start_s = np.full(jobs, NEVER_S)
    by_end, by_limit = _empty_calendar(jobs), _empty_calendar(jobs)
    free = machine_processors
    # The queue is a chain: behind[job] waits behind job; the gate stands before the first.
    behind = np.full(jobs + 1, NOBODY)
    gate = last = jobs
    arrived = 0

    while True:
        next_arrival_s = submit_s[arrived] if arrived < jobs else NEVER_S
        now = min(next_arrival_s, _first_time_s(by_end))
        if now == NEVER_S:
            return start_s

        free += _end_jobs(now, by_end, by_limit, start_s, limit_s, processors)

        while arrived < jobs and submit_s[arrived] == now:
            behind[last] = arrived
            last = arrived
            arrived += 1

        # Until somebody is blocked there is nobody to delay: every job that fits starts.
        shadow_s, extra = NEVER_S, 0
        ahead = gate
        while behind[ahead] != NOBODY and free > 0:
            job = behind[ahead]
            need = processors[job]
            ends_in_time = now + limit_s[job] <= shadow_s
            if need <= free and (ends_in_time or need <= extra):
                start_s[job] = now
                free -= need
                if not ends_in_time:
                    extra -= need
                _enter(by_end, now + run_s[job], job)
                _enter(by_limit, now + limit_s[job], job)
                behind[ahead] = behind[job]
                if last == job:
                    last = ahead
                continue
            if shadow_s == NEVER_S:
                if not backfill:
                    break
                shadow_s, extra = _shadow(need, free, by_limit, processors)
            ahead = job


@compiled
def _end_jobs(
    now: int, by_end: Calendar, by_limit: Calendar, start_s: Int64s, limit_s: Int64s, processors: Int64s
) -> int:
    """Take all jobs that end now out of both calendars; the processors that they give back."""
    returned = 0
    while _first_time_s(by_end) == now:
        job = by_end.job[by_end.window[0]]
        by_end.window[0] += 1
        _strike_out(by_limit, start_s[job] + limit_s[job], job)
        returned += processors[job]
    return returned


@compiled
def _shadow(need: int, free: int, by_limit: Calendar, processors: Int64s) -> tuple[int, int]:
    """When the blocked head can start at the latest, and how many processors it then leaves over.

    Running jobs give their processors back at start + limit; those of the same time count together.
    """
    place, end = by_limit.window
    shadow_s = NEVER_S
    while place < end and (free < need or by_limit.time_s[place] == shadow_s):
        shadow_s = by_limit.time_s[place]
        free += processors[by_limit.job[place]]
        place += 1
    return shadow_s, free - need


@compiled
def _empty_calendar(jobs: int) -> Calendar:
    return Calendar(np.empty(jobs, np.int64), np.empty(jobs, np.int64), np.zeros(2, np.int64))


@compiled
def _first_time_s(calendar: Calendar) -> int:
    first, end = calendar.window
    return calendar.time_s[first] if first < end else NEVER_S


@compiled
def _enter(calendar: Calendar, time_s: int, job: int) -> None:
    """Insert a job behind all others of the same or an earlier time."""
    first, place = calendar.window
    while place > first and calendar.time_s[place - 1] > time_s:
        calendar.time_s[place] = calendar.time_s[place - 1]
        calendar.job[place] = calendar.job[place - 1]
        place -= 1
    calendar.time_s[place] = time_s
    calendar.job[place] = job
    calendar.window[1] += 1


@compiled
def _strike_out(calendar: Calendar, time_s: int, job: int) -> None:
    """Remove a job; the earlier ones, mostly few, close up."""
    first, end = calendar.window
    place = first + np.searchsorted(calendar.time_s[first:end], time_s)
    while calendar.job[place] != job:
        place += 1
    while place > first:
        calendar.time_s[place] = calendar.time_s[place - 1]
        calendar.job[place] = calendar.job[place - 1]
        place -= 1
    calendar.window[0] += 1
