"""The waiting jobs in the order in which they are looked at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.simulation.compiled import inner, inner_making_arrays
from stellwerk.simulation.nodes.sorting import sort_rows
from stellwerk.simulation.nodes.tables import NOBODY, WAITING, Table, World


class Queue(NamedTuple):
    """Waiting jobs, ``length[0]`` of them: the highest priority first, among equals the first in the log."""

    job: NDArray[np.int64]
    length: NDArray[np.int64]


@inner
def put_in_queue(queue: Queue, job: int, jobs: Table) -> None:
    place = queue.length[0]
    queue.length[0] += 1
    priority = jobs[job].priority
    while place > 0:
        before = queue.job[place - 1]
        if jobs[before].priority > priority or (jobs[before].priority == priority and before < job):
            break
        queue.job[place] = before
        place -= 1
    queue.job[place] = job
    jobs[job].state = WAITING


@inner
def close_up(queue: Queue) -> None:
    """Close the gaps that jobs leave (``NOBODY``)."""
    kept = 0
    for place in range(queue.length[0]):
        if queue.job[place] != NOBODY:
            queue.job[kept] = queue.job[place]
            kept += 1
    queue.length[0] = kept


@inner_making_arrays
def order_by_priority(queue: Queue, now: int, world: World) -> bool:
    """Work out everybody's priority and sort the queue; whether that changed the order."""
    jobs = world.jobs
    ordered = True
    for place in range(queue.length[0]):
        job = queue.job[place]
        jobs[job].priority = priority_of(job, now, world)
        if place > 0:
            before = queue.job[place - 1]
            higher = jobs[before].priority > jobs[job].priority
            ordered &= higher or (jobs[before].priority == jobs[job].priority and before < job)
    if ordered:
        return False
    lower = np.empty(queue.length[0])
    for place in range(queue.length[0]):
        lower[place] = -jobs[queue.job[place]].priority
    sort_rows(queue.job[: queue.length[0]], lower)
    return True


@inner
def priority_of(job: int, now: int, world: World) -> int:
    """Age and fair share of now, and what never changes: size, quality of service, partition. Whole, as in Slurm."""
    jobs, tree = world.jobs, world.tree
    rule = world.settings[0]
    age = min(1.0, (now - jobs[job].arrival_s) / rule.max_age_s) if rule.max_age_s > 0 else 0.0
    share = tree[jobs[job].user].factor
    return int(rule.weight_age * age + rule.weight_fair_share * share + jobs[job].standing)
