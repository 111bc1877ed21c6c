"""Starting jobs on nodes, and ending or stopping what runs there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.simulation.compiled import inner, inner_making_arrays
from stellwerk.simulation.nodes.room import count_node, level_of
from stellwerk.simulation.nodes.sorting import sort_rows
from stellwerk.simulation.nodes.tables import (
    COMPLETED,
    DONE,
    GIVEN_UP,
    NEVER_S,
    NOBODY,
    RUNNING,
    WAITING,
    Table,
    World,
)

_FIRST_GROUP_S = 30


class Ends(NamedTuple):
    """Runs by their end: a heap of ``length[0]`` rows. Stopped runs stay until their time comes."""

    time_s: NDArray[np.int64]
    run: NDArray[np.int64]
    length: NDArray[np.int64]


class Log(NamedTuple):
    """All that ever ran: ``used[0]`` runs on ``used[1]`` nodes in all; ``used[2]`` run now.

    The jobs ``stopped[: used[3]]`` are to go back to the queue. Restarts so far: ``used[4]``, on ``used[5]`` nodes.
    """

    runs: Table
    holds: Table
    used: NDArray[np.int64]
    stopped: NDArray[np.int64]


@inner
def start_job(job: int, now: int, log: Log, ends: Ends, world: World) -> None:
    """Start a job on the chosen nodes, all at once."""
    jobs, parts, qos, tree = world.jobs, world.parts, world.qos, world.tree
    runs = log.runs
    run = log.used[0]
    log.used[0] += 1
    log.used[2] += 1
    runs[run].job = job
    runs[run].start_s = now
    runs[run].end_s = now + jobs[job].run_s - jobs[job].done_s
    runs[run].expected_s = now + jobs[job].limit_s
    runs[run].first_hold = log.used[1]
    runs[run].outcome = COMPLETED
    runs[run].active = True
    place = 0
    for part in range(jobs[job].first_part, jobs[job].first_part + jobs[job].parts):
        for _ in range(parts[part].nodes):
            _hold(world.chosen[place], part, run, jobs[job].whole, log, world)
            place += 1
    if jobs[job].start_s < 0:
        jobs[job].start_s = now
    jobs[job].state = RUNNING
    jobs[job].run = run
    qos[jobs[job].qos].running += 1
    _change_rate(tree, jobs[job].user, jobs[job].rate, now)
    _push(ends, runs[run].end_s, run)


@inner
def end_run(run: int, log: Log, world: World) -> None:
    """A run ends by itself: its job is done."""
    jobs = world.jobs
    job = log.runs[run].job
    _release(run, log.runs[run].end_s, log, world)
    jobs[job].state = DONE
    jobs[job].done_s = jobs[job].run_s
    jobs[job].end_s = log.runs[run].end_s


@inner
def stop_run(run: int, now: int, outcome: int, again: bool, log: Log, world: World) -> None:
    """Stop a run now; its job goes back to the queue with what its last checkpoint holds, or is given up."""
    jobs = world.jobs
    job = log.runs[run].job
    elapsed_s = now - log.runs[run].start_s
    saved_s = 0
    if world.settings[0].checkpoint_s > 0:
        saved_s = elapsed_s // world.settings[0].checkpoint_s * world.settings[0].checkpoint_s
    jobs[job].done_s += saved_s
    jobs[job].lost_s += elapsed_s - saved_s
    jobs[job].end_s = now
    log.runs[run].end_s = now
    log.runs[run].outcome = outcome
    _release(run, now, log, world)
    if again and jobs[job].restarts < world.settings[0].max_restarts:
        jobs[job].restarts += 1
        jobs[job].state = WAITING
        log.stopped[log.used[3]] = job
        log.used[3] += 1
        log.used[4] += 1
        log.used[5] += jobs[job].nodes
    else:
        jobs[job].state = GIVEN_UP


@inner
def holds_of(run: int, log: Log, jobs: Table) -> tuple[int, int]:
    """The rows of the nodes that a run holds."""
    first = log.runs[run].first_hold
    return first, first + jobs[log.runs[run].job].nodes


@inner
def first_end_s(ends: Ends, runs: Table) -> int:
    """When the next run ends; those that were stopped before are dropped."""
    while ends.length[0] > 0:
        run = ends.run[0]
        if runs[run].active:
            return int(ends.time_s[0])
        pop_first(ends)
    return NEVER_S


@inner
def pop_first(ends: Ends) -> int:
    run = ends.run[0]
    ends.length[0] -= 1
    count = ends.length[0]
    time_s, moved = ends.time_s[count], ends.run[count]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= count:
            break
        if child + 1 < count and ends.time_s[child + 1] < ends.time_s[child]:
            child += 1
        if ends.time_s[child] >= time_s:
            break
        ends.time_s[place] = ends.time_s[child]
        ends.run[place] = ends.run[child]
        place = child
    ends.time_s[place] = time_s
    ends.run[place] = moved
    return int(run)


@inner
def _push(ends: Ends, time_s: int, run: int) -> None:
    place = ends.length[0]
    ends.length[0] += 1
    while place > 0:
        above = (place - 1) // 2
        if ends.time_s[above] <= time_s:
            break
        ends.time_s[place] = ends.time_s[above]
        ends.run[place] = ends.run[above]
        place = above
    ends.time_s[place] = time_s
    ends.run[place] = run


@inner
def _hold(node: int, part: int, run: int, whole: bool, log: Log, world: World) -> None:
    """Give a part of a node to a run, and put it in its place among those that hold the node."""
    parts, nodes, partitions, at_least = world.parts, world.nodes, world.partitions, world.at_least
    runs, holds = log.runs, log.holds
    hold = log.used[1]
    log.used[1] += 1
    old = level_of(nodes[node], world.settings[0].counted)
    was_idle = nodes[node].jobs == 0
    wanted = parts[part]
    expected_s = runs[run].expected_s
    holds[hold].node = node
    holds[hold].run = run
    holds[hold].expected_s = expected_s
    holds[hold].accelerators = nodes[node].accelerators if whole else wanted.accelerators
    holds[hold].cores = nodes[node].cores if whole else wanted.cores
    holds[hold].memory = nodes[node].memory if whole else wanted.memory
    nodes[node].free_accelerators -= holds[hold].accelerators
    nodes[node].free_cores -= holds[hold].cores
    nodes[node].free_memory -= holds[hold].memory
    nodes[node].jobs += 1
    new = level_of(nodes[node], world.settings[0].counted)
    world.level[node] = new
    count_node(nodes[node], partitions, at_least, old, new, -1 if was_idle else 0)
    before = nodes[node].last_hold
    behind = NOBODY
    while before != NOBODY and holds[before].expected_s > expected_s:
        behind = before
        before = holds[before].before
    holds[hold].before = before
    holds[hold].behind = behind
    if before == NOBODY:
        nodes[node].first_hold = hold
    else:
        holds[before].behind = hold
    if behind == NOBODY:
        nodes[node].last_hold = hold
    else:
        holds[behind].before = hold


@inner
def _release(run: int, now: int, log: Log, world: World) -> None:
    """Take a run off its nodes."""
    jobs, nodes, partitions, at_least = world.jobs, world.nodes, world.partitions, world.at_least
    holds = log.holds
    job = log.runs[run].job
    first, end = holds_of(run, log, jobs)
    for hold in range(first, end):
        node = holds[hold].node
        old = level_of(nodes[node], world.settings[0].counted)
        nodes[node].free_accelerators += holds[hold].accelerators
        nodes[node].free_cores += holds[hold].cores
        nodes[node].free_memory += holds[hold].memory
        nodes[node].jobs -= 1
        new = level_of(nodes[node], world.settings[0].counted)
        world.level[node] = new
        idle = 1 if nodes[node].jobs == 0 and nodes[node].up == 1 else 0
        count_node(nodes[node], partitions, at_least, old, new, idle)
        before, behind = holds[hold].before, holds[hold].behind
        if before == NOBODY:
            nodes[node].first_hold = behind
        else:
            holds[before].behind = behind
        if behind == NOBODY:
            nodes[node].last_hold = before
        else:
            holds[behind].before = before
    log.runs[run].active = False
    log.used[2] -= 1
    jobs[job].run = NOBODY
    world.qos[jobs[job].qos].running -= 1
    _change_rate(world.tree, jobs[job].user, -jobs[job].rate, now)


@inner
def _change_rate(tree: Table, user: int, by: float, now: int) -> None:
    """Bring a user's usage up to now before it grows at another rate."""
    tree[user].recent += tree[user].rate * (now - tree[user].since_s)
    tree[user].since_s = now
    tree[user].rate += by


@inner_making_arrays
def ends_in_groups(ends: Ends, runs: Table) -> Table:
    """The times, in order, at which Slurm's backfill lets running jobs end: it frees them in groups, each at the
    expected end of its last; the first group spans 30 s, each further one twice as long (bf_window_linear unset)."""
    expected_s = np.empty(ends.length[0], np.int64)
    count = 0
    for place in range(ends.length[0]):
        if runs[ends.run[place]].active:
            expected_s[count] = runs[ends.run[place]].expected_s
            count += 1
    sort_rows(expected_s[:count], expected_s[:count].astype(np.float64))
    group_s = np.empty(count, np.int64)
    groups = place = 0
    span_s = _FIRST_GROUP_S
    while place < count:
        last_s = expected_s[place] + span_s
        while place < count and expected_s[place] <= last_s:
            group_s[groups] = expected_s[place]
            place += 1
        groups += 1
        span_s *= 2
    return group_s[:groups]
