"""One look at the queue, in its order: who starts, and for whom nodes are kept."""

from __future__ import annotations

from stellwerk.simulation.compiled import inner
from stellwerk.simulation.nodes.choose import choose_now, may_fit
from stellwerk.simulation.nodes.plan import Plan, forget_plan, keep_nodes, plan_start_s
from stellwerk.simulation.nodes.preempt import may_preempt, preempt_for
from stellwerk.simulation.nodes.queue import Queue, close_up
from stellwerk.simulation.nodes.runs import Ends, Log, ends_in_groups, start_job
from stellwerk.simulation.nodes.tables import NEVER_S, NOBODY, Table, World

KEEP_NOTHING, KEEP_FOR_HEADS, KEEP_FOR_ALL = 0, 1, 2
"""Whom a pass keeps nodes for: nobody, so that the first blocked job ends it; the first blocked one; every blocked one.
The first of each partition: what partitions share, the first blocked job of either keeps."""


@inner
def run_pass(
    now: int,
    keeps: int,
    max_jobs: int,
    max_jobs_of_user: int,
    window_s: int,
    resolution_s: int,
    queue: Queue,
    tested: Table,
    log: Log,
    ends: Ends,
    plan: Plan,
    world: World,
) -> tuple[Plan, int, int]:
    """The plan's memory, how many jobs started, and when next somebody has waited long enough for one switch."""
    jobs, nodes, partitions = world.jobs, world.nodes, world.partitions
    started = looked_at = blocked = kept_for = 0
    wake_s = NEVER_S
    counted = world.settings[0].counted
    last = _last_that_may_start(max_jobs if max_jobs_of_user == 0 else queue.length[0], queue, world)
    if max_jobs_of_user > 0:
        tested[:] = 0
    if keeps == KEEP_FOR_ALL and last >= 0 and world.settings[0].bf_grouped_ends:
        plan = Plan(plan.slots, plan.touched, plan.used, ends_in_groups(ends, log.runs))
    for place in range(min(queue.length[0], last + 1) if keeps != KEEP_NOTHING else queue.length[0]):
        job = queue.job[place]
        partition = jobs[job].partition
        if blocked >> partition & 1:
            continue
        if looked_at == max_jobs:
            break
        if max_jobs_of_user > 0:
            if tested[jobs[job].user] == max_jobs_of_user:
                continue
            tested[jobs[job].user] += 1
        looked_at += 1
        anywhere = jobs[job].one_switch == 0
        if jobs[job].one_switch == 1:
            waited_s = jobs[job].arrival_s + world.settings[0].switch_wait_s
            anywhere = now >= waited_s
            if not anywhere:
                wake_s = min(wake_s, waited_s)
        starts = may_fit(job, counted, world) and choose_now(job, now, anywhere, world)
        if not starts and anywhere and may_preempt(job, world):
            starts = preempt_for(job, now, log, world)
        if starts:
            start_job(job, now, log, ends, world)
            queue.job[place] = NOBODY
            started += 1
            continue
        if keeps == KEEP_NOTHING:
            blocked |= partitions[partition].overlaps
            continue
        if keeps == KEEP_FOR_HEADS:
            if kept_for >> partition & 1:
                continue
            kept_for |= 1 << partition
        start_s = plan_start_s(job, now, now + window_s, anywhere, log.holds, plan, world)
        if start_s < NEVER_S:
            # Slurm rounds both down, to one step at least.
            end_s = (start_s + jobs[job].limit_s) // resolution_s * resolution_s
            start_s = start_s // resolution_s * resolution_s
            end_s = max(end_s, start_s + resolution_s)
            plan = keep_nodes(plan, nodes, world, jobs[job].nodes, start_s, end_s)
    if started > 0:
        close_up(queue)
    forget_plan(plan, nodes)
    return plan, started, wake_s


@inner
def _last_that_may_start(depth: int, queue: Queue, world: World) -> int:
    """The place of the last job that could start at all: plans for those behind it would keep nobody from anything."""
    for place in range(min(queue.length[0], depth) - 1, -1, -1):
        job = queue.job[place]
        if may_fit(job, world.settings[0].counted, world) or may_preempt(job, world):
            return place
    return NOBODY
