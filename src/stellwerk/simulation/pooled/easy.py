"""FCFS and EASY backfilling over pooled identical processors, in one loop over events.

A job is its row number; rows are in queue order (submit time, then file order). Processors are only counted,
a job takes any of them. Time is whole seconds. ``docs/algorithms/easy.md`` says what is skipped and why the
schedule stays the same.

Two structures hold the running jobs. By end: a binary heap, ``end_s`` and ``ending``. By expected end (start +
limit), which only EASY asks for: a ring of buckets of ``2**shift`` seconds each. The ring is longer than the longest
limit, so that all running jobs lie within one turn and a bucket never mixes two. ``held[bucket]`` are the processors
of its jobs, ``held[BUCKETS + group]`` those of a group of buckets; ``after`` and ``before`` chain its jobs in a
circle through ``jobs + bucket``. Arrays go to the helpers one by one: in a tuple they cost a quarter of the speed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.simulation.compiled import compiled

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

NOBODY = -1
NEVER_S = 2**62
UNKNOWN_S = -1
BUCKETS = 1024
GROUP = 32


@compiled
def easy_starts_s(
    submit_s: Int64s,
    run_s: Int64s,
    limit_s: Int64s,
    processors: Int64s,
    machine_processors: int,
    backfill: bool,
    arrivals_first: bool,
) -> Int64s:
    """When each job starts under FCFS or, with ``backfill``, under EASY (Lifka 1995); int64, in seconds.

    At each distinct time: all completions, then all arrivals, then one pass over the queue; with ``arrivals_first``
    all arrivals and a pass, then all completions and another. The scheduler plans with ``limit_s``; jobs end after
    ``run_s``. Submit times must not be negative nor decrease, ``1 <= run_s <= limit_s`` and
    ``1 <= processors <= machine_processors``.
    """
    jobs = len(submit_s)
    start_s = np.empty(jobs, np.int64)
    most_running = min(jobs, machine_processors)
    end_s, ending = np.empty(most_running, np.int64), np.empty(most_running, np.int32)
    shift = _bucket_shift(limit_s)
    held = np.zeros(BUCKETS + BUCKETS // GROUP, np.int64)
    after, before = _empty_buckets(jobs), _empty_buckets(jobs)
    running = 0
    free = machine_processors
    # The queue is a chain: behind[job] waits behind job; the gate stands before the first.
    gate = last = jobs
    behind = np.full(jobs + 1, NOBODY, np.int32)
    shadow_s, extra = NEVER_S, 0
    arrived = 0
    next_arrival_s = submit_s[0] if jobs else NEVER_S

    while True:
        now = min(next_arrival_s, end_s[0] if running else NEVER_S)
        if now == NEVER_S:
            return start_s
        # Unless somebody ends, whoever waited goes on waiting: the pass begins behind them.
        ahead = last
        if not (arrivals_first and next_arrival_s == now):
            freed = 0
            while running and end_s[0] == now:
                job = ending[0]
                running -= 1
                _remove_first(end_s, ending, running)
                _strike_out(after, before, held, shift, start_s[job] + limit_s[job], job, processors[job])
                freed += processors[job]
            free += freed
            ahead = gate if freed else last
        while next_arrival_s == now:
            behind[last] = arrived
            last = arrived
            arrived += 1
            next_arrival_s = submit_s[arrived] if arrived < jobs else NEVER_S

        shadow_s = NEVER_S if ahead == gate else shadow_s  # nobody is blocked yet, so nobody can be delayed
        while free > 0 and behind[ahead] != NOBODY and (backfill or ahead == gate):
            job = behind[ahead]
            need, expected_end_s = processors[job], now + limit_s[job]
            if need > free:
                shadow_s = UNKNOWN_S if ahead == gate else shadow_s
                ahead = job
                continue
            if shadow_s == UNKNOWN_S:
                bucket, rest = _shadow_bucket(processors[behind[gate]], free, now >> shift, held)
                shadow_s, extra = _shadow(rest, jobs + bucket, after, start_s, limit_s, processors)
            harmless = expected_end_s <= shadow_s
            if not harmless and need > extra:
                ahead = job
                continue
            start_s[job] = now
            free -= need
            extra -= 0 if harmless else need
            _add(end_s, ending, running, now + run_s[job], job)
            running += 1
            _enter(after, before, held, shift, expected_end_s, job, need)
            behind[ahead] = behind[job]
            last = ahead if last == job else last


@compiled
def _shadow_bucket(need: int, free: int, bucket: int, held: Int64s) -> tuple[int, int]:
    """The bucket in which enough processors come back for the head, and how many of them it has to give."""
    while True:
        place = bucket & (BUCKETS - 1)
        group = BUCKETS + place // GROUP
        if place % GROUP == 0 and free + held[group] < need:
            free += held[group]
            bucket += GROUP
        elif free + held[place] < need:
            free += held[place]
            bucket += 1
        else:
            return place, need - free


@compiled
def _shadow(
    need: int, gate: int, after: Int32s, start_s: Int64s, limit_s: Int64s, processors: Int64s
) -> tuple[int, int]:
    """When a bucket's jobs have given ``need`` processors back, and how many more they then have given.

    They give them back at start + limit; those of the same time count together.
    """
    shadow_s = UNKNOWN_S
    while need > 0:
        earlier_s, shadow_s = shadow_s, NEVER_S
        returned = 0
        job = after[gate]
        while job != gate:
            time_s = start_s[job] + limit_s[job]
            if earlier_s < time_s < shadow_s:
                shadow_s, returned = time_s, processors[job]
            elif time_s == shadow_s:
                returned += processors[job]
            job = after[job]
        need -= returned
    return shadow_s, -need


@compiled
def _bucket_shift(limit_s: Int64s) -> int:
    longest_s = limit_s.max() if len(limit_s) else 0
    shift = 0
    while (longest_s >> shift) + 2 > BUCKETS:
        shift += 1
    return shift


@compiled
def _empty_buckets(jobs: int) -> Int32s:
    chain = np.empty(jobs + BUCKETS, np.int32)
    chain[jobs:] = np.arange(jobs, jobs + BUCKETS)
    return chain


@compiled
def _enter(after: Int32s, before: Int32s, held: Int64s, shift: int, time_s: int, job: int, processors: int) -> None:
    place = (time_s >> shift) & (BUCKETS - 1)
    held[place] += processors
    held[BUCKETS + place // GROUP] += processors
    gate = len(after) - BUCKETS + place
    first = after[gate]
    after[gate], after[job] = job, first
    before[first], before[job] = job, gate


@compiled
def _strike_out(
    after: Int32s, before: Int32s, held: Int64s, shift: int, time_s: int, job: int, processors: int
) -> None:
    place = (time_s >> shift) & (BUCKETS - 1)
    held[place] -= processors
    held[BUCKETS + place // GROUP] -= processors
    after[before[job]] = after[job]
    before[after[job]] = before[job]


@compiled
def _add(time_s: Int64s, job: Int32s, size: int, new_time_s: int, new_job: int) -> None:
    """Add a job to a heap of ``size``."""
    place = size
    while place > 0:
        above = (place - 1) >> 1
        if time_s[above] <= new_time_s:
            break
        time_s[place], job[place] = time_s[above], job[above]
        place = above
    time_s[place], job[place] = new_time_s, new_job


@compiled
def _remove_first(time_s: Int64s, job: Int32s, remaining: int) -> None:
    """Take the root out of a heap; the last leaf takes its place and sinks."""
    last_time_s, last_job = time_s[remaining], job[remaining]
    place, below = 0, 1
    while below < remaining:
        if below + 1 < remaining and time_s[below + 1] < time_s[below]:
            below += 1
        if time_s[below] >= last_time_s:
            break
        time_s[place], job[place] = time_s[below], job[below]
        place, below = below, 2 * below + 1
    time_s[place], job[place] = last_time_s, last_job
