"""When and where a job that cannot start now could start, after everybody planned before it in the same pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stellwerk.simulation.compiled import inner
from stellwerk.simulation.nodes.choose import take_smallest
from stellwerk.simulation.nodes.room import could_fit, ready_s
from stellwerk.simulation.nodes.sorting import kth_smallest
from stellwerk.simulation.nodes.tables import FIRST, NEVER_S, NOBODY, Table, World
from stellwerk.simulation.nodes.windows import window_end_s


class Plan(NamedTuple):
    """What a pass has planned: ``slots`` by node, ``used[0]`` of them, on the nodes ``touched[: used[1]]``."""

    slots: Table
    touched: Table
    used: Table


@inner
def forget_plan(plan: Plan, nodes: Table) -> None:
    for place in range(plan.used[1]):
        node = plan.touched[place]
        nodes[node].first_slot = NOBODY
        nodes[node].reserved_from_s = NEVER_S
    plan.used[:] = 0


@inner
def keep_nodes(plan: Plan, nodes: Table, world: World, count: int, start_s: int, end_s: int) -> Plan:
    """Plan the chosen nodes, whole, from ``start_s`` to ``end_s``; the plan, larger where it was full."""
    if plan.used[0] + count > len(plan.slots):
        larger = np.empty(2 * (plan.used[0] + count), plan.slots.dtype)
        larger[: plan.used[0]] = plan.slots[: plan.used[0]]
        plan = Plan(larger, plan.touched, plan.used)
    for place in range(count):
        node = world.chosen[place]
        if nodes[node].first_slot == NOBODY:
            plan.touched[plan.used[1]] = node
            plan.used[1] += 1
        slot = plan.used[0]
        plan.used[0] += 1
        plan.slots[slot].start_s = start_s
        plan.slots[slot].end_s = end_s
        plan.slots[slot].next = nodes[node].first_slot
        nodes[node].first_slot = slot
        nodes[node].reserved_from_s = min(nodes[node].reserved_from_s, start_s)
    return plan


@inner
def plan_start_s(
    job: int, now: int, horizon_s: int, anywhere: bool, holds: Table, runs: Table, plan: Plan, world: World
) -> int:
    """The earliest start of a job by the limits of all others, its nodes chosen; NEVER_S if later than ``horizon_s``.

    Unless ``anywhere``, within the switch group where it can start first.
    """
    jobs, partitions = world.jobs, world.partitions
    partition = partitions[jobs[job].partition]
    if anywhere:
        return _plan_in(job, now, horizon_s, partition.first_span, partition.first_span + partition.spans, holds, runs, plan, world)  # fmt: skip
    best, best_s = -1, NEVER_S
    for switch in range(partition.first_switch, partition.first_switch + partition.switches):
        start_s = _plan_in(job, now, min(horizon_s, best_s - 1), switch, switch + 1, holds, runs, plan, world)  # fmt: skip
        if start_s < best_s:
            best, best_s = switch, start_s
    if best < 0:
        return NEVER_S
    return _plan_in(job, best_s, best_s, best, best + 1, holds, runs, plan, world)  # fmt: skip


@inner
def _plan_in(
    job: int,
    from_s: int,
    horizon_s: int,
    first_span: int,
    end_span: int,
    holds: Table,
    runs: Table,
    plan: Plan,
    world: World,
) -> int:
    """Raise the start until every part finds its nodes: each look gives the first time at which that can change."""
    jobs, parts, nodes, spans = world.jobs, world.parts, world.nodes, world.spans
    start_s = from_s
    while start_s <= horizon_s:
        world.stamp[0] += 1
        chosen = 0
        later_s = start_s
        for part in range(jobs[job].first_part, jobs[job].first_part + jobs[job].parts):
            wanted = parts[part]
            found = ready = 0
            soonest_s = NEVER_S
            for span in range(first_span, end_span):
                for node in range(spans[span].first, spans[span].end):
                    if nodes[node].taken == world.stamp[0] or not could_fit(nodes, node, wanted):
                        continue
                    free_s = ready_s(nodes, node, holds, runs, jobs, parts, job, part, from_s)
                    time_s = _earliest_s(node, max(free_s, start_s), horizon_s, job, plan, world)
                    if time_s > horizon_s:
                        continue
                    world.candidate[found] = node
                    world.key[found] = time_s
                    found += 1
                    if time_s == start_s:
                        ready += 1
                    else:
                        soonest_s = min(soonest_s, time_s)
            if ready < wanted.nodes:
                if found >= wanted.nodes:
                    kth_s = kth_smallest(world.key[:found], world.sorted, wanted.nodes - 1)
                    later_s = max(later_s, kth_s)
                else:
                    # Other parts may have taken nodes that would fit this one later.
                    later_s = max(later_s, soonest_s)
                break
            _keep_the_last_to_be_free(found, start_s, from_s, job, part, holds, runs, world)
            take_smallest(ready, wanted.nodes, chosen, nodes, world)
            chosen += wanted.nodes
        if chosen == jobs[job].nodes:
            return start_s
        if later_s == start_s:
            return NEVER_S
        start_s = later_s
    return NEVER_S


@inner
def _keep_the_last_to_be_free(
    found: int, start_s: int, now: int, job: int, part: int, holds: Table, runs: Table, world: World
) -> None:
    """Bring the candidates for ``start_s`` to the front, with keys that prefer nodes that are in use until then.

    What is free now stays for jobs that can start now.
    """
    jobs, parts, nodes = world.jobs, world.parts, world.nodes
    ready = 0
    for place in range(found):
        if world.key[place] != start_s:
            continue
        node = world.candidate[place]
        world.candidate[ready] = node
        world.key[ready] = 0
        if world.settings[0].placement != FIRST:
            world.key[ready] = -ready_s(nodes, node, holds, runs, jobs, parts, job, part, now)
        ready += 1


@inner
def _earliest_s(node: int, from_s: int, horizon_s: int, job: int, plan: Plan, world: World) -> int:
    """The first time not before ``from_s`` from which a node is in nobody's plan and in no window for a job's limit."""
    jobs, nodes, windows = world.jobs, world.nodes, world.windows
    start_s = from_s
    if not nodes[node].up:
        start_s = max(start_s, nodes[node].changes_s)
    moved = True
    while moved and start_s <= horizon_s:
        moved = False
        end_s = start_s + jobs[job].limit_s
        slot = nodes[node].first_slot
        while slot != NOBODY:
            if plan.slots[slot].start_s < end_s and start_s < plan.slots[slot].end_s:
                start_s = plan.slots[slot].end_s
                end_s = start_s + jobs[job].limit_s
                moved = True
            slot = plan.slots[slot].next
        bits = nodes[node].windows & ~jobs[job].member
        for number in range(len(windows)):
            if bits >> number & 1:
                opens_s = window_end_s(windows[number], start_s, end_s)
                if opens_s >= 0:
                    start_s = opens_s
                    end_s = start_s + jobs[job].limit_s
                    moved = True
    return start_s
