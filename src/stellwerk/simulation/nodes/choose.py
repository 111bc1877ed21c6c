"""Which nodes a job takes if it starts now."""

from __future__ import annotations

from stellwerk.simulation.compiled import inner
from stellwerk.simulation.nodes.room import fits, level_needed
from stellwerk.simulation.nodes.sorting import kth_smallest
from stellwerk.simulation.nodes.tables import NEVER_S, PACKED, SPREAD, Table, World
from stellwerk.simulation.nodes.windows import closed_windows

_LATE_S = 2**44


@inner
def may_fit(job: int, counted: int, world: World) -> bool:
    """A quick test that only refuses what cannot start now; it looks at counts, not at nodes."""
    jobs, parts, partitions, at_least = world.jobs, world.parts, world.partitions, world.at_least
    partition = jobs[job].partition
    if jobs[job].whole:
        return bool(jobs[job].nodes <= partitions[partition].idle)
    part = parts[jobs[job].first_part]
    level = level_needed(part, counted)
    return level == 0 or bool(part.nodes <= at_least[partition, level])


@inner
def choose_now(job: int, now: int, anywhere: bool, world: World) -> bool:
    """Choose the nodes of a job that starts now, part after part, into ``world.chosen``; False if there are none.

    Nobody's nodes are planned for by then: it may hold them for its whole limit. Unless ``anywhere``, all nodes are
    of one switch group: of those that have enough, the one with the fewest.
    """
    jobs, partitions, windows = world.jobs, world.partitions, world.windows
    ends_s = now + jobs[job].limit_s
    closed = closed_windows(windows, jobs[job].member, now, ends_s) if len(windows) else 0
    partition = partitions[jobs[job].partition]
    if anywhere:
        first, end = partition.first_span, partition.first_span + partition.spans
        return choose_in(job, ends_s, closed, first, end, world) >= 0
    best, fewest = -1, NEVER_S
    for switch in range(partition.first_switch, partition.first_switch + partition.switches):
        left = choose_in(job, ends_s, closed, switch, switch + 1, world)
        if 0 <= left < fewest:
            best, fewest = switch, left
    if best < 0:
        return False
    return choose_in(job, ends_s, closed, best, best + 1, world) >= 0


@inner
def choose_in(job: int, ends_s: int, closed: int, first_span: int, end_span: int, world: World) -> int:
    """Choose within some spans; how many nodes that fit are left over then, or -1."""
    jobs, parts, nodes, spans = world.jobs, world.parts, world.nodes, world.spans
    candidate, key = world.candidate, world.key
    placement, counted = world.settings[0].placement, world.settings[0].counted
    world.stamp[0] += 1
    stamp = world.stamp[0]
    whole = jobs[job].whole
    level = world.level
    chosen = left = 0
    for part in range(jobs[job].first_part, jobs[job].first_part + jobs[job].parts):
        wanted = parts[part]
        need = level_needed(wanted, counted)
        # Of a packed job's nodes only the fullest is looked for: as long as nobody's are kept, fuller ones win.
        only_fuller = wanted.nodes == 1 and placement == PACKED and world.stamp[1] == 0
        fullest = NEVER_S
        found = 0
        for span in range(first_span, end_span):
            for node in range(spans[span].first, spans[span].end):
                free = level[node]
                if free < need or (only_fuller and free >= fullest):
                    continue
                row = nodes[node]
                if (
                    fits(row, wanted, whole)
                    and row.windows & closed == 0
                    and row.reserved_from_s >= ends_s
                    and row.taken != stamp
                ):
                    # Among equals those come first that somebody is waiting for: the others stay for longer jobs.
                    fullest = free
                    rank = 0
                    if placement == PACKED:
                        rank = free
                    elif placement == SPREAD:
                        rank = 2**16 - free
                    candidate[found] = node
                    key[found] = rank * _LATE_S + min(row.reserved_from_s, _LATE_S - 1)
                    found += 1
        if found < wanted.nodes:
            return -1
        take_smallest(found, wanted.nodes, chosen, nodes, world)
        chosen += wanted.nodes
        left += found - wanted.nodes
    return left


@inner
def take_smallest(found: int, wanted: int, chosen: int, nodes: Table, world: World) -> None:
    """Append to the chosen nodes the candidates of the smallest keys, among equals the first."""
    key = world.key
    if wanted == 1:
        best = 0
        for place in range(1, found):
            if key[place] < key[best]:
                best = place
        _take(best, chosen, nodes, world)
        return
    limit = kth_smallest(key[:found], world.sorted, wanted - 1)
    at_limit = wanted
    for place in range(found):
        at_limit -= key[place] < limit
    for place in range(found):
        if key[place] < limit or (key[place] == limit and at_limit > 0):
            if key[place] == limit:
                at_limit -= 1
            _take(place, chosen, nodes, world)
            chosen += 1


@inner
def _take(place: int, chosen: int, nodes: Table, world: World) -> None:
    node = world.candidate[place]
    nodes[node].taken = world.stamp[0]
    world.chosen[chosen] = node
