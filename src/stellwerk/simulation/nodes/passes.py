"""One look at the queue, in its order: who starts, and for whom nodes are kept."""

from __future__ import annotations

from stellwerk.simulation.compiled import inner, inner_making_arrays
from stellwerk.simulation.nodes.choose import choose_now, may_fit
from stellwerk.simulation.nodes.plan import Plan, forget_plan, keep_nodes, plan_start_s
from stellwerk.simulation.nodes.preempt import may_preempt, preempt_for
from stellwerk.simulation.nodes.queue import Queue, close_up
from stellwerk.simulation.nodes.runs import Ends, Log, ends_in_groups, start_job
from stellwerk.simulation.nodes.tables import NEVER_S, NOBODY, Table, World

KEEP_NOTHING, KEEP_FOR_HEADS, KEEP_FOR_ALL = 0, 1, 2
"""Whom a pass keeps nodes for: nobody, so that the first blocked job ends it; the first blocked one; every blocked one.
The first of each partition: what partitions share, the first blocked job of either keeps."""


@inner_making_arrays
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
) -> tuple[Plan, int]:
    """The plan's memory, and when next somebody has waited long enough for one switch group."""
    jobs, partitions = world.jobs, world.partitions
    started = looked_at = blocked = kept_for = 0
    wake_s = NEVER_S
    end = queue.length[0]
    if keeps != KEEP_NOTHING:
        end = min(end, _last_that_may_start(max_jobs if max_jobs_of_user == 0 else end, queue, world) + 1)
        plan = _with_ends(plan, keeps == KEEP_FOR_ALL and end > 0, ends, log, world)
    tested[:] = 0
    for place in range(end):
        job = queue.job[place]
        partition = jobs[job].partition
        if looked_at == max_jobs:
            break
        if _is_skipped(job, blocked, max_jobs_of_user, tested, world):
            continue
        looked_at += 1
        waits_s = _waits_for_switch_until_s(job, world)
        anywhere = now >= waits_s
        if not anywhere:
            wake_s = min(wake_s, waits_s)
        if _start(job, now, anywhere, log, ends, world):
            queue.job[place] = NOBODY
            started += 1
            continue
        if keeps == KEEP_NOTHING:
            blocked |= partitions[partition].overlaps
            continue
        if keeps == KEEP_FOR_ALL or kept_for >> partition & 1 == 0:
            kept_for |= 1 << partition
            plan = _keep_nodes_for(job, now, window_s, resolution_s, anywhere, log, plan, world)
    if started > 0:
        close_up(queue)
    forget_plan(plan, world)
    return plan, wake_s


@inner_making_arrays
def _with_ends(plan: Plan, everybody: bool, ends: Ends, log: Log, world: World) -> Plan:
    """The plan with the only times at which running jobs are taken to end, where these are grouped."""
    if not (everybody and world.settings[0].bf_grouped_ends):
        return plan
    return Plan(plan.slots, plan.touched, plan.used, ends_in_groups(ends, log.runs))


@inner
def _is_skipped(job: int, blocked: int, max_jobs_of_user: int, tested: Table, world: World) -> bool:
    """Whether a job's partition is blocked, or enough jobs of its user have been looked at."""
    if blocked >> world.jobs[job].partition & 1:
        return True
    tested[world.jobs[job].user] += 1
    return bool(0 < max_jobs_of_user < tested[world.jobs[job].user])


@inner
def _waits_for_switch_until_s(job: int, world: World) -> int:
    """From when a job runs anywhere: at once, when it has waited long enough for one switch group, or never."""
    if world.jobs[job].one_switch == 0:
        return 0
    if world.jobs[job].one_switch == 1:
        return int(world.jobs[job].arrival_s + world.settings[0].switch_wait_s)
    return NEVER_S


@inner
def _start(job: int, now: int, anywhere: bool, log: Log, ends: Ends, world: World) -> bool:
    """Start a job if it can, others being stopped for it where it may; whether it has started."""
    starts = may_fit(job, world.settings[0].counted, world) and choose_now(job, now, anywhere, world)
    if not starts and anywhere and may_preempt(job, world):
        starts = preempt_for(job, now, log, world)
    if starts:
        start_job(job, now, log, ends, world)
    return bool(starts)


@inner_making_arrays
def _keep_nodes_for(
    job: int, now: int, window_s: int, resolution_s: int, anywhere: bool, log: Log, plan: Plan, world: World
) -> Plan:
    """Keep nodes for a blocked job, if it is to start within the window; as Slurm does, both times are rounded down, to
    one step at least."""
    limit_s, count = world.jobs[job].limit_s, world.jobs[job].nodes
    start_s = plan_start_s(job, now, now + window_s, anywhere, log.holds, plan, world)
    if start_s == NEVER_S:
        return plan
    end_s = (start_s + limit_s) // resolution_s * resolution_s
    start_s = start_s // resolution_s * resolution_s
    return keep_nodes(plan, world.nodes, world, count, start_s, max(end_s, start_s + resolution_s))


@inner
def _last_that_may_start(depth: int, queue: Queue, world: World) -> int:
    """The place of the last job that could start at all: plans for those behind it would keep nobody from anything."""
    for place in range(min(queue.length[0], depth) - 1, -1, -1):
        job = queue.job[place]
        if may_fit(job, world.settings[0].counted, world) or may_preempt(job, world):
            return place
    return NOBODY
