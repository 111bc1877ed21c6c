"""When and where a job that cannot start now could start, after everybody planned before it in the same pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stellwerk.simulation.compiled import inner, inner_making_arrays
from stellwerk.simulation.nodes.choose import take_smallest
from stellwerk.simulation.nodes.room import could_fit, fits, ready_s
from stellwerk.simulation.nodes.sorting import first_not_before, kth_smallest
from stellwerk.simulation.nodes.tables import FIRST, NEVER_S, NOBODY, Table, World
from stellwerk.simulation.nodes.windows import window_end_s


class Plan(NamedTuple):
    """What a pass has planned: ``slots`` by node, ``used[0]`` of them, on the nodes ``touched[: used[1]]``.

    ``ends_s``: the only times, in order, at which running jobs are taken to end; empty: each ends at its own.
    """

    slots: Table
    touched: Table
    used: Table
    ends_s: Table


@inner
def forget_plan(plan: Plan, world: World) -> None:
    nodes = world.nodes
    world.stamp[1] = 0
    for place in range(plan.used[1]):
        node = plan.touched[place]
        nodes[node].first_slot = NOBODY
        nodes[node].reserved_from_s = NEVER_S
    plan.used[:] = 0


@inner_making_arrays
def keep_nodes(plan: Plan, nodes: Table, world: World, count: int, start_s: int, end_s: int) -> Plan:
    """Plan the chosen nodes, whole, from ``start_s`` to ``end_s``; the plan, larger where it was full."""
    if plan.used[0] + count > len(plan.slots):
        larger = np.empty(2 * (plan.used[0] + count), plan.slots.dtype)
        for slot in range(plan.used[0]):
            larger[slot] = plan.slots[slot]
        plan = Plan(larger, plan.touched, plan.used, plan.ends_s)
    for place in range(count):
        node = world.chosen[place]
        if nodes[node].first_slot == NOBODY:
            plan.touched[plan.used[1]] = node
            plan.used[1] += 1
            world.stamp[1] += 1
        slot = plan.used[0]
        plan.used[0] += 1
        plan.slots[slot].start_s = start_s
        plan.slots[slot].end_s = end_s
        plan.slots[slot].next = nodes[node].first_slot
        nodes[node].first_slot = slot
        nodes[node].reserved_from_s = min(nodes[node].reserved_from_s, start_s)
    return plan


@inner
def plan_start_s(job: int, now: int, horizon_s: int, anywhere: bool, holds: Table, plan: Plan, world: World) -> int:
    """The earliest start of a job by the limits of all others, its nodes chosen; NEVER_S if later than ``horizon_s``.

    Unless ``anywhere``, within the switch group where it can start first.
    """
    partition = world.partitions[world.jobs[job].partition]
    if anywhere:
        first, end = partition.first_span, partition.first_span + partition.spans
        return _plan_in(job, now, horizon_s, first, end, holds, plan, world)
    best, best_s = -1, NEVER_S
    for switch in range(partition.first_switch, partition.first_switch + partition.switches):
        start_s = _plan_in(job, now, min(horizon_s, best_s - 1), switch, switch + 1, holds, plan, world)
        if start_s < best_s:
            best, best_s = switch, start_s
    if best < 0:
        return NEVER_S
    return _plan_in(job, best_s, best_s, best, best + 1, holds, plan, world)


@inner
def _plan_in(
    job: int,
    from_s: int,
    horizon_s: int,
    first_span: int,
    end_span: int,
    holds: Table,
    plan: Plan,
    world: World,
) -> int:
    """Raise the start until every part finds its nodes: each look gives the first time at which that can change."""
    jobs, parts, nodes = world.jobs, world.parts, world.nodes
    first_part, end_part = jobs[job].first_part, jobs[job].first_part + jobs[job].parts
    start_s = from_s
    while start_s <= horizon_s:
        world.stamp[0] += 1
        chosen = 0
        later_s = NEVER_S
        for part in range(first_part, end_part):
            wanted = parts[part].nodes
            found = _find_candidates(job, part, start_s, horizon_s, first_span, end_span, holds, plan, world)
            ready = _count_ready(found, start_s, world)
            if ready < wanted:
                # Where another part has taken a node that would fit, the next change of any may help.
                k = wanted - 1 if found >= wanted else ready
                if found > k:
                    later_s = kth_smallest(world.key[:found], world.sorted, k)
                break
            _keep_ready(found, start_s, world)
            take_smallest(ready, wanted, chosen, nodes, world)
            chosen += wanted
        if chosen == jobs[job].nodes:
            return start_s
        start_s = later_s
    return NEVER_S


@inner
def _find_candidates(
    job: int,
    part: int,
    start_s: int,
    horizon_s: int,
    first_span: int,
    end_span: int,
    holds: Table,
    plan: Plan,
    world: World,
) -> int:
    """The nodes that a part may use until the horizon, each with the first time from ``start_s`` on; how many."""
    nodes, spans, windows, slots = world.nodes, world.spans, world.windows, plan.slots
    candidate, key, busy_s, stamp = world.candidate, world.key, world.busy_s, world.stamp[0]
    wanted = world.parts[part]
    whole, limit_s, member = world.jobs[job].whole, world.jobs[job].limit_s, world.jobs[job].member
    found = 0
    for span in range(first_span, end_span):
        for node in range(spans[span].first, spans[span].end):
            row = nodes[node]
            if row.taken == stamp or not could_fit(row, wanted):
                continue
            until_s = 0
            if row.up == 0:
                until_s = row.changes_s
            elif not fits(row, wanted, whole):
                until_s = ready_s(row, holds, wanted, whole)
                if len(plan.ends_s) > 0:
                    until_s = first_not_before(plan.ends_s, until_s)
            time_s = max(start_s, until_s)
            if row.first_slot != NOBODY or row.windows & ~member != 0:
                time_s = _clear_from_s(row, time_s, limit_s, member, horizon_s, slots, windows)
            if time_s <= horizon_s:
                candidate[found] = node
                key[found] = time_s
                busy_s[found] = until_s
                found += 1
    return found


@inner
def _clear_from_s(
    row: Table, from_s: int, limit_s: int, member: int, horizon_s: int, slots: Table, windows: Table
) -> int:
    """The first time not before ``from_s`` from which a node is in nobody's plan and in no window for a limit."""
    start_s = from_s
    moved = True
    while moved and start_s <= horizon_s:
        moved = False
        slot = row.first_slot
        while slot != NOBODY:
            if slots[slot].start_s < start_s + limit_s and start_s < slots[slot].end_s:
                start_s = slots[slot].end_s
                moved = True
            slot = slots[slot].next
        bits = row.windows & ~member
        for number in range(len(windows)):
            if bits >> number & 1:
                opens_s = window_end_s(windows[number], start_s, start_s + limit_s)
                if opens_s >= 0:
                    start_s = opens_s
                    moved = True
    return start_s


@inner
def _count_ready(found: int, start_s: int, world: World) -> int:
    """How many candidates are free at ``start_s``."""
    key = world.key
    ready = 0
    for place in range(found):
        ready += key[place] == start_s
    return ready


@inner
def _keep_ready(found: int, start_s: int, world: World) -> None:
    """Leave only the candidates that are free at ``start_s``, those first on which something runs until late.

    So idle nodes stay for jobs that can start now. With the placement ``first`` only the number of the node counts.
    """
    candidate, key, busy_s = world.candidate, world.key, world.busy_s
    by_number = world.settings[0].placement == FIRST
    ready = 0
    for place in range(found):
        if key[place] == start_s:
            candidate[ready] = candidate[place]
            key[ready] = 0 if by_number else -busy_s[place]
            ready += 1
