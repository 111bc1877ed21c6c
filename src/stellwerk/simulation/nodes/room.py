"""How much of each node is free, and how many nodes of a partition have so much left."""

from __future__ import annotations

from stellwerk.simulation.compiled import inner
from stellwerk.simulation.nodes.tables import BY_ACCELERATORS, BY_CORES, NOBODY, Table


@inner
def level_of(nodes: Table, node: int, counted: int) -> int:
    """How much of what counts is free on a node; 0 while it is down."""
    if not nodes[node].up:
        return 0
    if counted == BY_ACCELERATORS:
        return int(nodes[node].free_accelerators)
    if counted == BY_CORES:
        return int(nodes[node].free_cores)
    return 1 if nodes[node].jobs == 0 else 0


@inner
def count_node(nodes: Table, node: int, partitions: Table, at_least: Table, old: int, new: int, idle: int) -> None:
    """Move a node from one level to another in the counts of its partitions; ``idle`` is what its emptiness adds."""
    bits = nodes[node].partitions
    partition = 0
    while bits >> partition:
        if bits >> partition & 1:
            partitions[partition].idle += idle
            for level in range(old + 1, new + 1):
                at_least[partition, level] += 1
            for level in range(new + 1, old + 1):
                at_least[partition, level] -= 1
        partition += 1


@inner
def fits(nodes: Table, node: int, part: Table, whole: bool) -> bool:
    """Whether a node has room for a part of a job right now."""
    if not nodes[node].up:
        return False
    if whole:
        return nodes[node].jobs == 0 and could_fit(nodes, node, part)
    return (
        nodes[node].free_accelerators >= part.accelerators
        and nodes[node].free_cores >= part.cores
        and nodes[node].free_memory >= part.memory
    )


@inner
def could_fit(nodes: Table, node: int, part: Table) -> bool:
    """Whether a node is large enough when it is empty."""
    return (
        nodes[node].accelerators >= part.accelerators
        and nodes[node].cores >= part.cores
        and nodes[node].memory >= part.memory
    )


@inner
def ready_s(
    nodes: Table, node: int, holds: Table, runs: Table, jobs: Table, parts: Table, job: int, part: int, now: int
) -> int:
    """When a node that could fit a part is expected to have room for it, by the limits of what runs there."""
    wanted = parts[part]
    whole = jobs[job].whole
    hold = nodes[node].first_hold
    if whole:
        last = nodes[node].last_hold
        return now if last == NOBODY else int(runs[holds[last].run].expected_s)
    accelerators, cores = nodes[node].free_accelerators, nodes[node].free_cores
    memory = nodes[node].free_memory
    time_s = now
    while accelerators < wanted.accelerators or cores < wanted.cores or memory < wanted.memory:
        run = holds[hold].run
        time_s = int(runs[run].expected_s)
        if jobs[runs[run].job].whole:
            return time_s
        held = parts[holds[hold].part]
        accelerators += held.accelerators
        cores += held.cores
        memory += held.memory
        hold = holds[hold].behind
    return time_s
