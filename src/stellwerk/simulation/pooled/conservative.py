"""Conservative backfilling over pooled identical processors: every waiting job holds a reservation.

A job is its row number; rows are in queue order (submit time, then file order). Processors are only counted,
a job takes any of them. Time is whole seconds. ``docs/algorithms/conservative.md`` says what is skipped and why the
schedule stays the same.

The profile says how many processors are free from which time on, if every job runs to its limit: ``since_s`` and
``free``, a stack whose last piece is the present one. Piece ``i`` reaches up to ``since_s[i - 1]``, piece 0 for ever.
Neighbouring pieces differ. ``end_s`` and ``ending`` are the running jobs, the next to end last; of those that end
together, the one that started first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.simulation.compiled import compiled

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

NEVER_S = 2**62


@compiled
def conservative_starts_s(
    submit_s: Int64s,
    run_s: Int64s,
    limit_s: Int64s,
    processors: Int64s,
    machine_processors: int,
    ends_first: bool,
) -> Int64s:
    """When each job starts if it keeps its reservation until a better one is found; int64, in seconds.

    At one time: all arrivals, each given its earliest slot; then the completions one by one in the order of the
    starts, after each of which every job with a reservation later than now moves to its earliest slot, in the order
    of the queue; then whoever has a reservation for now starts. With ``ends_first`` arrivals follow the completions.
    The scheduler plans with ``limit_s``; jobs end after ``run_s``. Submit times must not decrease,
    ``1 <= run_s <= limit_s`` and ``1 <= processors <= machine_processors``.
    """
    jobs = len(submit_s)
    start_s = np.empty(jobs, np.int64)  # of a waiting job: its reservation
    reserved = np.empty(jobs, np.int64)  # the number of its reservation, in the order in which they were made
    reservations = 0
    next_start_s = NEVER_S
    queue, due = np.empty(jobs, np.int32), np.empty(jobs, np.int32)
    waiting = 0
    end_s, ending = np.empty(jobs, np.int64), np.empty(jobs, np.int32)
    running = 0
    since_s, free = np.empty(2 * jobs + 3, np.int64), np.empty(2 * jobs + 3, np.int64)
    since_s[0], free[0] = 0, machine_processors
    pieces = 1
    settled = True  # nothing has been given back since every reservation was last looked at
    arrived = 0

    while True:
        next_arrival_s = submit_s[arrived] if arrived < jobs else NEVER_S
        next_end_s = end_s[running - 1] if running else NEVER_S
        now = min(next_arrival_s, next_end_s, next_start_s)
        if now == NEVER_S:
            return start_s
        pieces = _forget_the_past(since_s, pieces, now)

        if next_arrival_s == now and not (ends_first and next_end_s == now):
            job = arrived
            arrived += 1
            start_s[job] = _earliest(since_s, free, pieces, limit_s[job], processors[job], NEVER_S)
            pieces = _add(since_s, free, pieces, start_s[job], start_s[job] + limit_s[job], -processors[job])
            reserved[job] = reservations
            reservations += 1
            next_start_s = min(next_start_s, start_s[job])
            queue[waiting] = job
            waiting += 1
        elif next_end_s == now:
            running -= 1
            job = ending[running]
            expected_end_s = start_s[job] + limit_s[job]
            pieces = _add(since_s, free, pieces, now, expected_end_s, processors[job])
            if settled and expected_end_s == now:
                continue
            settled = True
            for job in queue[:waiting]:
                if start_s[job] == now:
                    continue
                better_s = _earliest(since_s, free, pieces, limit_s[job], processors[job], start_s[job])
                if better_s < start_s[job]:
                    pieces = _add(since_s, free, pieces, start_s[job], start_s[job] + limit_s[job], processors[job])
                    pieces = _add(since_s, free, pieces, better_s, better_s + limit_s[job], -processors[job])
                    start_s[job] = better_s
                    reserved[job] = reservations
                    reservations += 1
                    next_start_s = min(next_start_s, better_s)
                    settled = False
        else:
            waiting, starting, next_start_s = _part_due(queue, due, waiting, now, start_s, reserved)
            for job in due[:starting]:
                _enter(end_s, ending, running, now + run_s[job], job)
                running += 1


@compiled
def replanned_starts_s(
    submit_s: Int64s, run_s: Int64s, limit_s: Int64s, processors: Int64s, machine_processors: int
) -> Int64s:
    """When each job starts if every pass plans the whole queue anew, in its order; int64, in seconds.

    At each distinct time: all completions, then all arrivals, then one pass. Arguments as for
    ``conservative_starts_s``.
    """
    jobs = len(submit_s)
    start_s = np.empty(jobs, np.int64)  # of a waiting job: as planned
    queue = np.empty(jobs, np.int32)
    waiting = 0
    end_s, ending = np.empty(jobs, np.int64), np.empty(jobs, np.int32)
    running = 0
    since_s, free = np.empty(2 * jobs + 3, np.int64), np.empty(2 * jobs + 3, np.int64)
    since_s[0], free[0] = 0, machine_processors
    pieces = 1
    # The running jobs alone, from which every plan begins.
    base_since_s, base_free = since_s.copy(), free.copy()
    base_pieces = 1
    arrived = 0

    while True:
        next_arrival_s = submit_s[arrived] if arrived < jobs else NEVER_S
        next_end_s = end_s[running - 1] if running else NEVER_S
        now = min(next_arrival_s, next_end_s)
        if now == NEVER_S:
            return start_s
        pieces = _forget_the_past(since_s, pieces, now)
        base_pieces = _forget_the_past(base_since_s, base_pieces, now)

        planned = waiting
        while running and end_s[running - 1] == now:
            running -= 1
            job = ending[running]
            expected_end_s = start_s[job] + limit_s[job]
            base_pieces = _add(base_since_s, base_free, base_pieces, now, expected_end_s, processors[job])
            if expected_end_s > now:
                planned = 0
        while arrived < jobs and submit_s[arrived] == now:
            queue[waiting] = arrived
            waiting += 1
            arrived += 1

        if planned == 0:
            pieces = base_pieces
            since_s[:pieces] = base_since_s[:pieces]
            free[:pieces] = base_free[:pieces]
        for job in queue[planned:waiting]:
            start_s[job] = _earliest(since_s, free, pieces, limit_s[job], processors[job], NEVER_S)
            pieces = _add(since_s, free, pieces, start_s[job], start_s[job] + limit_s[job], -processors[job])
        still_waiting = 0
        for job in queue[:waiting]:
            if start_s[job] > now:
                queue[still_waiting] = job
                still_waiting += 1
            else:
                base_pieces = _add(base_since_s, base_free, base_pieces, now, now + limit_s[job], -processors[job])
                _enter(end_s, ending, running, now + run_s[job], job)
                running += 1
        waiting = still_waiting


@compiled
def _earliest(since_s: Int64s, free: Int64s, pieces: int, limit_s: int, need: int, reserved_s: int) -> int:
    """The earliest slot of a job, at ``reserved_s`` at the latest, from where on its own reservation makes room."""
    piece = pieces - 1
    while piece >= 0 and since_s[piece] < reserved_s:
        if free[piece] < need:
            piece -= 1
            continue
        begin_s: int = since_s[piece]
        until_s = min(begin_s + limit_s, reserved_s)
        while piece >= 0 and since_s[piece] < until_s and free[piece] >= need:
            piece -= 1
        if piece < 0 or since_s[piece] >= until_s:
            return begin_s
    return reserved_s


@compiled
def _add(since_s: Int64s, free: Int64s, pieces: int, from_s: int, to_s: int, processors: int) -> int:
    """Give the processors back from ``from_s`` up to ``to_s``, or take them where negative; the number of pieces."""
    if from_s == to_s:
        return pieces
    behind, pieces = _cut(since_s, free, pieces, to_s)
    first, pieces = _cut(since_s, free, pieces, from_s)
    for piece in range(behind + 1, first + 1):
        free[piece] += processors
    pieces = _join(since_s, free, pieces, first)
    return _join(since_s, free, pieces, behind)


@compiled
def _cut(since_s: Int64s, free: Int64s, pieces: int, time_s: int) -> tuple[int, int]:
    """Which piece begins at a time, one of its own if none did, and the number of pieces."""
    place = pieces - 1
    while place > 0 and since_s[place - 1] <= time_s:
        place -= 1
    if since_s[place] == time_s:
        return place, pieces
    for piece in range(pieces, place, -1):
        since_s[piece], free[piece] = since_s[piece - 1], free[piece - 1]
    since_s[place] = time_s
    return place, pieces + 1


@compiled
def _join(since_s: Int64s, free: Int64s, pieces: int, place: int) -> int:
    """Make one piece of this and the one before it in time where they do not differ; the number of pieces."""
    if place + 1 == pieces or free[place] != free[place + 1]:
        return pieces
    for piece in range(place, pieces - 1):
        since_s[piece], free[piece] = since_s[piece + 1], free[piece + 1]
    return pieces - 1


@compiled
def _forget_the_past(since_s: Int64s, pieces: int, now: int) -> int:
    while pieces > 1 and since_s[pieces - 2] <= now:
        pieces -= 1
    since_s[pieces - 1] = now
    return pieces


@compiled
def _part_due(
    queue: Int32s, due: Int32s, waiting: int, now: int, start_s: Int64s, reserved: Int64s
) -> tuple[int, int, int]:
    """Take who is due out of the queue, in the order of their reservations.

    How many go on waiting and how many are due, and the next reservation.
    """
    still_waiting = starting = 0
    next_start_s = NEVER_S
    for job in queue[:waiting]:
        if start_s[job] > now:
            queue[still_waiting] = job
            still_waiting += 1
            next_start_s = min(next_start_s, start_s[job])
            continue
        place = starting
        while place > 0 and reserved[due[place - 1]] > reserved[job]:
            due[place] = due[place - 1]
            place -= 1
        due[place] = job
        starting += 1
    return still_waiting, starting, next_start_s


@compiled
def _enter(end_s: Int64s, ending: Int32s, running: int, time_s: int, job: int) -> None:
    """Put a job among the running ones, before those that end as early or earlier."""
    place = running
    while place > 0 and end_s[place - 1] <= time_s:
        end_s[place], ending[place] = end_s[place - 1], ending[place - 1]
        place -= 1
    end_s[place], ending[place] = time_s, job
