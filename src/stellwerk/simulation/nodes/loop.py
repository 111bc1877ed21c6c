"""The event-driven scheduler over nodes: from one time at which something changes to the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stellwerk.simulation.compiled import compiled, inner, inner_making_arrays
from stellwerk.simulation.nodes.failures import next_change_s, plan_first_failures, plan_next_change
from stellwerk.simulation.nodes.fair_share import apply_factors, apply_usage
from stellwerk.simulation.nodes.passes import KEEP_FOR_ALL, KEEP_FOR_HEADS, KEEP_NOTHING, run_pass
from stellwerk.simulation.nodes.plan import Plan
from stellwerk.simulation.nodes.queue import Queue, order_by_priority, priority_of, put_in_queue
from stellwerk.simulation.nodes.room import count_node, level_of
from stellwerk.simulation.nodes.runs import Ends, Log, end_run, first_end_s, pop_first, stop_run
from stellwerk.simulation.nodes.tables import (
    CONSERVATIVE,
    EASY,
    MULTIFACTOR,
    NEVER_S,
    NODE_FAILED,
    SLOT,
    Table,
    World,
)
from stellwerk.simulation.nodes.windows import next_opening_s

_ALL = 2**62
_IDLE_TRIES = 1000
"""So many changes of nodes and windows in a row may start nobody while nothing runs; then the rest never runs."""


class Due(NamedTuple):
    """When something is due that no arrival and no end brings about; NEVER_S: it is not."""

    time_s: Table


_WAKE, _FULL, _BACKFILL, _CALCULATED = 0, 1, 2, 3
"""Elements of ``Due.time_s``: somebody has waited long enough for one switch group; a main pass over the whole queue;
a backfill pass; and the last calculation of priorities."""


@compiled
def run_jobs(world: World, log: Log) -> Log:
    """Run all jobs, which arrive in the order of their rows; what happened stands in ``world.jobs`` and in the log.

    The log that is returned may be a larger one. Jobs that are never done are left in another state.
    """
    jobs, nodes, tree, windows = world.jobs, world.nodes, world.tree, world.windows
    rule = world.settings[0]
    count = len(jobs)
    queue = Queue(np.empty(count, np.int64), np.zeros(1, np.int64))
    ends = Ends(np.empty(len(log.runs), np.int64), np.empty(len(log.runs), np.int64), np.zeros(1, np.int64))
    plan = Plan(
        np.empty(len(nodes), SLOT), np.empty(len(nodes), np.int64), np.zeros(2, np.int64), np.empty(0, np.int64)
    )
    tested = np.zeros(len(tree), np.int64)
    order = np.empty(len(tree), np.int64)
    room = len(log.holds)
    first_s = jobs[0].arrival_s
    due = np.full(4, NEVER_S)
    due[_CALCULATED] = first_s
    apply_factors(tree, rule.classic, order)
    _begin(first_s, world)
    arrived = idle_tries = 0
    opening_s = next_opening_s(windows, first_s)

    while True:
        now = _next_time_s(arrived, opening_s, due, queue, ends, log, world)
        if now == NEVER_S or idle_tries > _IDLE_TRIES:
            return log

        reordered = rule.policy == MULTIFACTOR and _calculate(now, due, order, queue, world)
        opened = now >= opening_s
        if opened:
            opening_s = next_opening_s(windows, now)
        changed = opened or now >= due[_WAKE]
        happened = changed
        # Once over ends and arrivals, or first over arrivals alone.
        for second in range(0 if rule.arrivals_first else 1, 2):
            if second == 1:
                changed |= _end_runs(now, ends, log, world)
                changed |= rule.mtbf_s > 0 and _change_nodes(now, log, world)
                _put_back(queue, due, log, world)
            came = arrived
            arrived = _take_arrivals(now, arrived, queue, due, world)
            changed |= arrived > came
            if reordered or changed:
                _want_passes(now, first_s, due, world)
            log, ends, plan = _pass_over(now, changed, queue, tested, due, room, log, ends, plan, world)
            happened |= changed
            changed = False
        if queue.length[0] == 0:
            due[:_CALCULATED] = NEVER_S
        if log.used[2] > 0 or arrived < count:
            idle_tries = 0
        elif happened or (len(windows) == 0 and rule.mtbf_s == 0):
            idle_tries += 1


@inner
def _begin(first_s: int, world: World) -> None:
    """Usage counts from the first arrival on, and so do the times until nodes fail."""
    for row in range(len(world.tree)):
        world.tree[row].since_s = first_s
    if world.settings[0].mtbf_s > 0:
        plan_first_failures(world.nodes, world.settings, first_s)


@inner
def _next_time_s(arrived: int, opening_s: int, due: Table, queue: Queue, ends: Ends, log: Log, world: World) -> int:
    """When something next changes or is due; NEVER_S once nothing is left to wait for."""
    rule = world.settings[0]
    now = first_end_s(ends, log.runs)
    if arrived < len(world.jobs):
        now = min(now, world.jobs[arrived].arrival_s)
    if queue.length[0] > 0:
        now = min(now, opening_s, due[_WAKE], due[_FULL], due[_BACKFILL])
        if rule.policy == MULTIFACTOR:
            now = min(now, due[_CALCULATED] + rule.calc_interval_s)
    if rule.mtbf_s > 0 and (now < NEVER_S or queue.length[0] > 0):
        now = min(now, next_change_s(world.nodes))
    return int(now)


@inner_making_arrays
def _calculate(now: int, due: Table, order: Table, queue: Queue, world: World) -> bool:
    """Usage and priorities at all the times due until now; whether the order of the queue has changed."""
    rule = world.settings[0]
    interval_s = rule.calc_interval_s
    if now < due[_CALCULATED] + interval_s:
        return False
    while now >= due[_CALCULATED] + interval_s:
        due[_CALCULATED] += interval_s
        apply_usage(world.tree, due[_CALCULATED], interval_s, rule.half_life_s)
    if rule.weight_fair_share > 0:
        apply_factors(world.tree, rule.classic, order)
    return bool(order_by_priority(queue, due[_CALCULATED], world))


@inner
def _take_arrivals(now: int, arrived: int, queue: Queue, due: Table, world: World) -> int:
    """Put all jobs in the queue that arrive now; how many have arrived in all."""
    jobs = world.jobs
    while arrived < len(jobs) and jobs[arrived].arrival_s == now:
        _enter(arrived, queue, due, world)
        arrived += 1
    return arrived


@inner
def _enter(job: int, queue: Queue, due: Table, world: World) -> None:
    if world.settings[0].policy == MULTIFACTOR:
        world.jobs[job].priority = priority_of(job, due[_CALCULATED], world)
    put_in_queue(queue, job, world.jobs)


@inner
def _end_runs(now: int, ends: Ends, log: Log, world: World) -> bool:
    """End all runs whose time has come; whether there is one."""
    ended = False
    while first_end_s(ends, log.runs) == now:
        end_run(pop_first(ends), log, world)
        ended = True
    return ended


@inner
def _put_back(queue: Queue, due: Table, log: Log, world: World) -> None:
    """Jobs that were stopped wait again."""
    for place in range(log.used[3]):
        _enter(log.stopped[place], queue, due, world)
    log.used[3] = 0


@inner
def _change_nodes(now: int, log: Log, world: World) -> bool:
    """Let nodes fail, with all that runs on them, and come back; whether any does."""
    nodes, holds = world.nodes, log.holds
    if next_change_s(nodes) > now:
        return False
    counted = world.settings[0].counted
    for node in range(len(nodes)):
        if nodes[node].changes_s > now:
            continue
        if nodes[node].up == 1:
            while nodes[node].jobs > 0:
                stop_run(holds[nodes[node].first_hold].run, now, NODE_FAILED, True, log, world)
            level = level_of(nodes[node], counted)
            nodes[node].up = 0
            world.level[node] = 0
            nodes[node].failures += 1
            count_node(nodes[node], world.partitions, world.at_least, level, 0, -1)
        else:
            nodes[node].up = 1
            world.level[node] = level_of(nodes[node], counted)
            count_node(nodes[node], world.partitions, world.at_least, 0, world.level[node], 1)
        plan_next_change(node, now, nodes, world.settings)
    return True


@inner
def _want_passes(now: int, first_s: int, due: Table, world: World) -> None:
    """After a change: the next main pass over the whole queue and the next backfill pass, at their own rhythm."""
    rule = world.settings[0]
    if rule.policy == MULTIFACTOR:
        due[_FULL] = min(due[_FULL], _next_beat_s(now, first_s, rule.sched_interval_s))
        due[_BACKFILL] = min(due[_BACKFILL], _next_beat_s(now, first_s, rule.bf_interval_s))


@inner
def _next_beat_s(now: int, first_s: int, every_s: int) -> int:
    return first_s + (now - first_s + every_s - 1) // every_s * every_s


@inner_making_arrays
def _pass_over(
    now: int,
    changed: bool,
    queue: Queue,
    tested: Table,
    due: Table,
    room: int,
    log: Log,
    ends: Ends,
    plan: Plan,
    world: World,
) -> tuple[Log, Ends, Plan]:
    """The main pass and the backfill pass, where they are due now; the memory, larger where it was full."""
    rule = world.settings[0]
    wake_s = NEVER_S if now >= due[_WAKE] else due[_WAKE]
    for backfill in range(2):
        beat = _BACKFILL if backfill else _FULL
        on_beat = now >= due[beat]
        if not (on_beat or (changed and not backfill)):
            continue
        if on_beat:
            due[beat] = NEVER_S
        keeps, window_s, resolution_s = KEEP_NOTHING, _ALL // 2, 1
        depth, of_user = _ALL, 0
        if rule.policy == EASY:
            keeps = KEEP_FOR_HEADS
        elif rule.policy == CONSERVATIVE:
            keeps = KEEP_FOR_ALL
        elif backfill:
            keeps, window_s, resolution_s = KEEP_FOR_ALL, rule.bf_window_s, rule.bf_resolution_s
            depth, of_user = rule.bf_max_job_test, rule.bf_max_job_user
        elif rule.policy == MULTIFACTOR and not on_beat:
            depth = rule.queue_depth
        log, ends = _with_room(log, ends, room, len(world.jobs))
        plan, woken_s = run_pass(
            now, keeps, depth, of_user, window_s, resolution_s, queue, tested, log, ends, plan, world
        )
        _put_back(queue, due, log, world)
        wake_s = min(wake_s, woken_s)
    due[_WAKE] = wake_s
    return log, ends, plan


@inner_making_arrays
def _with_room(log: Log, ends: Ends, room: int, jobs: int) -> tuple[Log, Ends]:
    """Log and calendar with room for every job to run once more after its restarts so far."""
    runs_wanted, holds_wanted = jobs + log.used[4], room + log.used[5]
    if len(log.runs) >= runs_wanted and len(log.holds) >= holds_wanted:
        return log, ends
    runs = np.empty(2 * runs_wanted, log.runs.dtype)
    holds = np.empty(2 * holds_wanted, log.holds.dtype)
    for place in range(log.used[0]):
        runs[place] = log.runs[place]
    for place in range(log.used[1]):
        holds[place] = log.holds[place]
    time_s = np.empty(len(runs), np.int64)
    run = np.empty(len(runs), np.int64)
    for place in range(ends.length[0]):
        time_s[place] = ends.time_s[place]
        run[place] = ends.run[place]
    return Log(runs, holds, log.used, log.stopped), Ends(time_s, run, ends.length)
