"""FCFS and EASY backfilling, written as plainly as possible, to judge the compiled scheduler by.

It shares no code with ``stellwerk`` and works differently: lists of jobs, and availability worked out anew from the
running jobs at every question. As a program it prints the schedule of an SWF log::

    python tests/simulation/textbook.py LOG PROCESSORS fcfs|easy
"""

from __future__ import annotations

import gzip
import sys
from itertools import accumulate, groupby
from pathlib import Path
from typing import NamedTuple


class Job(NamedTuple):
    number: int
    submit: int
    run: int
    limit: int
    processors: int


def textbook_starts(jobs: list[Job], machine: int, policy: str) -> list[int]:
    """The start of each job; jobs are in order of submission, each fits the machine and runs for a second or more."""
    starts: dict[Job, int] = {}
    waiting: list[Job] = []
    running: list[Job] = []
    coming = list(reversed(jobs))
    while coming or running:
        now = min([job.submit for job in coming[-1:]] + [starts[job] + job.run for job in running])
        running = [job for job in running if starts[job] + job.run > now]
        while coming and coming[-1].submit == now:
            waiting.append(coming.pop())
        for job in chosen(waiting, running, starts, now, machine, policy):
            starts[job] = now
            running.append(job)
            waiting.remove(job)
    return [starts[job] for job in jobs]


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
