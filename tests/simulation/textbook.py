"""FCFS, EASY and conservative backfilling, written as plainly as possible, to judge the compiled schedulers by.

It shares no code with ``stellwerk`` and works differently: lists of jobs, and availability worked out anew from the
jobs that hold processors at every question. As a program it prints the schedule of an SWF log::

    python tests/simulation/textbook.py LOG PROCESSORS fcfs|easy|conservative|conservative_replan
"""

from __future__ import annotations

import gzip
import sys
from itertools import accumulate, groupby
from pathlib import Path
from typing import NamedTuple

POLICIES = ("fcfs", "easy", "conservative", "conservative_replan")


class Job(NamedTuple):
    number: int
    submit: int
    run: int
    limit: int
    processors: int


class Held(NamedTuple):
    start: int
    end: int
    processors: int


def textbook_starts(jobs: list[Job], machine: int, policy: str, order: str | None = None) -> list[int]:
    """The start of each job; jobs are in order of submission, each fits the machine and runs for a second or more.

    ``order`` within one second: "ends_first" or "arrivals_first"; by default arrivals come first under
    "conservative" and ends under the others. Re-planning makes one pass after both.
    """
    if policy == "conservative":
        starts = conservative_starts(jobs, machine, ends_first=order == "ends_first")
    elif policy == "conservative_replan":
        starts = replanned_starts(jobs, machine)
    else:
        starts = queue_starts(jobs, machine, policy, arrivals_first=order == "arrivals_first")
    return [starts[job] for job in jobs]


def queue_starts(jobs: list[Job], machine: int, policy: str, *, arrivals_first: bool) -> dict[Job, int]:
    starts: dict[Job, int] = {}
    waiting: list[Job] = []
    running: list[Job] = []
    coming = list(reversed(jobs))
    while coming or running:
        now = min([job.submit for job in coming[-1:]] + [starts[job] + job.run for job in running])
        arrives = bool(coming) and coming[-1].submit == now
        if not (arrivals_first and arrives):
            running = [job for job in running if starts[job] + job.run > now]
        while coming and coming[-1].submit == now:
            waiting.append(coming.pop())
        for job in chosen(waiting, running, starts, now, machine, policy):
            starts[job] = now
            running.append(job)
            waiting.remove(job)
    return starts


def chosen(
    waiting: list[Job], running: list[Job], starts: dict[Job, int], now: int, machine: int, policy: str
) -> list[Job]:
    """The waiting jobs that one scheduling pass starts."""
    free = machine - sum(job.processors for job in running)
    picked: list[Job] = []
    queue = list(waiting)
    while queue and queue[0].processors <= free:
        picked.append(queue.pop(0))
        free -= picked[-1].processors
    if not queue or policy == "fcfs":
        return picked
    expected_ends = [(starts[job] + job.limit, job.processors) for job in running]
    expected_ends += [(now + job.limit, job.processors) for job in picked]
    shadow, extra = reservation(queue.pop(0).processors, free, expected_ends)
    for job in queue:
        harmless = now + job.limit <= shadow
        if job.processors <= free and (harmless or job.processors <= extra):
            picked.append(job)
            free -= job.processors
            extra -= 0 if harmless else job.processors
    return picked


def reservation(need: int, free: int, expected_ends: list[tuple[int, int]]) -> tuple[int, int]:
    """The first expected end after which ``need`` processors are free, and how many more are free then."""
    by_end = [(end, sum(n for _, n in same)) for end, same in groupby(sorted(expected_ends), key=lambda pair: pair[0])]
    free_after = accumulate((n for _, n in by_end), initial=free)
    next(free_after)
    return next((end, after - need) for (end, _), after in zip(by_end, free_after, strict=True) if after >= need)


def conservative_starts(jobs: list[Job], machine: int, *, ends_first: bool) -> dict[Job, int]:
    starts: dict[Job, int] = {}
    running: list[Job] = []  # in the order in which they started
    reserved: dict[Job, int] = {}  # in the order in which the reservations were made or changed
    waiting: list[Job] = []
    coming = list(reversed(jobs))
    while coming or running or waiting:
        ends = [starts[job] + job.run for job in running]
        now = min([job.submit for job in coming[-1:]] + ends + list(reserved.values()))
        arriving = []
        while coming and coming[-1].submit == now:
            arriving.append(coming.pop())
        ending = [job for job in running if starts[job] + job.run == now]
        for job in ending + arriving if ends_first else arriving + ending:
            if job in ending:
                running.remove(job)
                improve_reservations(waiting, running, starts, reserved, now, machine)
            else:
                waiting.append(job)
                reserved[job] = slot(job, running, starts, reserved, now, machine)
        for job in [job for job, start in reserved.items() if start == now]:
            starts[job] = reserved.pop(job)
            running.append(job)
            waiting.remove(job)
    return starts


def improve_reservations(
    waiting: list[Job], running: list[Job], starts: dict[Job, int], reserved: dict[Job, int], now: int, machine: int
) -> None:
    for job in waiting:
        better = slot(job, running, starts, reserved, now, machine)
        if reserved[job] > now and better != reserved[job]:
            del reserved[job]
            reserved[job] = better


def slot(job: Job, running: list[Job], starts: dict[Job, int], reserved: dict[Job, int], now: int, machine: int) -> int:
    """The earliest time for a job between the running ones and the reservations of the others."""
    held = [Held(starts[other], starts[other] + other.limit, other.processors) for other in running]
    held += [Held(start, start + other.limit, other.processors) for other, start in reserved.items() if other != job]
    return earliest(job, now, held, machine)


def replanned_starts(jobs: list[Job], machine: int) -> dict[Job, int]:
    starts: dict[Job, int] = {}
    running: list[Job] = []
    waiting: list[Job] = []
    coming = list(reversed(jobs))
    while coming or running:
        now = min([job.submit for job in coming[-1:]] + [starts[job] + job.run for job in running])
        running = [job for job in running if starts[job] + job.run > now]
        while coming and coming[-1].submit == now:
            waiting.append(coming.pop())
        held = [Held(starts[job], starts[job] + job.limit, job.processors) for job in running]
        for job in list(waiting):
            start = earliest(job, now, held, machine)
            held.append(Held(start, start + job.limit, job.processors))
            if start == now:
                starts[job] = now
                running.append(job)
                waiting.remove(job)
    return starts


def earliest(job: Job, now: int, held: list[Held], machine: int) -> int:
    """The earliest time from now on at which the job fits between what others hold, for its whole limit."""
    for start in sorted({now, *(other.end for other in held if other.end > now)}):
        moments = [start, *(other.start for other in held if start < other.start < start + job.limit)]
        if all(busy(held, moment) + job.processors <= machine for moment in moments):
            return start
    raise AssertionError("the machine is empty behind the last one's end")


def busy(held: list[Held], moment: int) -> int:
    return sum(other.processors for other in held if other.start <= moment < other.end)


def read_log(path: Path) -> list[Job]:
    """Jobs of an SWF log in order of submission; those that never ran are left out, the others end at their limit."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    jobs = []
    for line in text.splitlines():
        if line.startswith(";"):
            continue
        number, submit, _, run, allocated, _, _, requested, limit, *_ = map(int, line.split())
        if run > 0:
            limit = limit if limit > 0 else run
            jobs.append(Job(number, submit, min(run, limit), limit, allocated if allocated > 0 else requested))
    return sorted(jobs, key=lambda job: job.submit)


if __name__ == "__main__":
    log = read_log(Path(sys.argv[1]))
    print("job_id,submit,start,end,procs")
    for job, start in zip(log, textbook_starts(log, int(sys.argv[2]), sys.argv[3]), strict=True):
        print(f"{job.number},{job.submit},{start},{start + job.run},{job.processors}")
