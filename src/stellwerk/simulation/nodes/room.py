"""How much of each node is free, and how many nodes of a partition have so much left.

What is asked for each node of a machine takes rows, not tables: handing over an array costs more than the question.
"""

from __future__ import annotations

from stellwerk.simulation.compiled import inner
from stellwerk.simulation.nodes.tables import BY_ACCELERATORS, BY_CORES, Table


@inner
def level_of(node: Table, counted: int) -> int:
    """How much of what counts is free on a node; 0 while it is down."""
    if node.up == 0:
        return 0
    if counted == BY_ACCELERATORS:
        return int(node.free_accelerators)
    if counted == BY_CORES:
        return int(node.free_cores)
    return 1 if node.jobs == 0 else 0


@inner
def level_needed(part: Table, counted: int) -> int:
    """How much of what counts must be free on a node for a part."""
    if counted == BY_ACCELERATORS:
        return int(part.accelerators)
    return int(part.cores) if counted == BY_CORES else 0


@inner
def count_node(node: Table, partitions: Table, at_least: Table, old: int, new: int, idle: int) -> None:
    """Move a node from one level to another in the counts of its partitions; ``idle`` is what its emptiness adds."""
    bits = node.partitions
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
def fits(node: Table, part: Table, whole: bool) -> bool:
    """Whether a node has room for a part of a job right now."""
    if node.up == 0 or (whole and node.jobs > 0):
        return False
    return bool(
        node.free_accelerators >= part.accelerators
        and node.free_cores >= part.cores
        and node.free_memory >= part.memory
    )


@inner
def could_fit(node: Table, part: Table) -> bool:
    """Whether a node is large enough when it is empty."""
    return bool(node.accelerators >= part.accelerators and node.cores >= part.cores and node.memory >= part.memory)


@inner
def ready_s(node: Table, holds: Table, part: Table, whole: bool) -> int:
    """When a node that is large enough is expected to have room for a part, by the limits of what runs there.

    -1 if it has room now.
    """
    accelerators, cores, memory = node.free_accelerators, node.free_cores, node.free_memory
    left = node.jobs
    hold = node.first_hold
    time_s = -1
    while accelerators < part.accelerators or cores < part.cores or memory < part.memory or (whole and left > 0):
        time_s = int(holds[hold].expected_s)
        accelerators += holds[hold].accelerators
        cores += holds[hold].cores
        memory += holds[hold].memory
        left -= 1
        hold = holds[hold].behind
    return time_s
