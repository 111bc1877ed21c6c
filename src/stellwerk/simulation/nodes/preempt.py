"""Stopping jobs of a lower quality of service for one that may preempt them."""

from __future__ import annotations

from stellwerk.simulation.compiled import inner
from stellwerk.simulation.nodes.choose import take_smallest
from stellwerk.simulation.nodes.room import fits
from stellwerk.simulation.nodes.runs import Log, stop_run
from stellwerk.simulation.nodes.tables import CANCEL, CANCELLED, NOBODY, PREEMPTED, World
from stellwerk.simulation.nodes.windows import closed_windows


@inner
def may_preempt(job: int, world: World) -> bool:
    """Whether anything runs that a job may stop."""
    jobs, qos = world.jobs, world.qos
    preempts = qos[jobs[job].qos].preempts
    number = 0
    while preempts >> number:
        if preempts >> number & 1 and qos[number].running > 0:
            return True
        number += 1
    return False


@inner
def preempt_for(job: int, now: int, log: Log, world: World) -> bool:
    """Stop what keeps a job from starting, if it may, and choose its nodes; nothing is stopped in vain.

    It takes the nodes with the fewest jobs to stop. Of one node's jobs those go first that have the lowest priority
    (``youngest_first``: that started last), until there is room; each is stopped on all of its nodes.
    """
    jobs, parts, nodes, partitions, spans, windows, qos = (
        world.jobs,
        world.parts,
        world.nodes,
        world.partitions,
        world.spans,
        world.windows,
        world.qos,
    )
    preempts = qos[jobs[job].qos].preempts
    ends_s = now + jobs[job].limit_s
    closed = closed_windows(windows, jobs[job].member, now, ends_s) if len(windows) else 0
    partition = partitions[jobs[job].partition]
    world.stamp[0] += 1
    chosen = 0
    for part in range(jobs[job].first_part, jobs[job].first_part + jobs[job].parts):
        found = 0
        for span in range(partition.first_span, partition.first_span + partition.spans):
            for node in range(spans[span].first, spans[span].end):
                if (
                    nodes[node].taken == world.stamp[0]
                    or nodes[node].windows & closed != 0
                    or nodes[node].reserved_from_s < ends_s
                ):
                    continue
                victims = _victims(node, part, job, preempts, log, world)
                if victims >= 0:
                    world.candidate[found] = node
                    world.key[found] = victims
                    found += 1
        wanted = parts[part].nodes
        if found < wanted:
            return False
        take_smallest(found, wanted, chosen, nodes, world)
        chosen += wanted
    place = 0
    for part in range(jobs[job].first_part, jobs[job].first_part + jobs[job].parts):
        for _ in range(parts[part].nodes):
            node = world.chosen[place]
            while not fits(nodes[node], parts[part], jobs[job].whole):
                run = _next_victim(node, preempts, log, world)
                again = qos[jobs[log.runs[run].job].qos].when_preempted != CANCEL
                outcome = PREEMPTED if again else CANCELLED
                stop_run(run, now, outcome, again, log, world)
            place += 1
    return True


@inner
def _victims(node: int, part: int, job: int, preempts: int, log: Log, world: World) -> int:
    """How many jobs of a node could be stopped for a part; 0 if it fits as it is, -1 if it would not even then."""
    jobs, parts, nodes = world.jobs, world.parts, world.nodes
    wanted = parts[part]
    whole = jobs[job].whole
    if fits(nodes[node], wanted, whole):
        return 0
    if nodes[node].up == 0:
        return -1
    accelerators, cores = nodes[node].free_accelerators, nodes[node].free_cores
    memory = nodes[node].free_memory
    victims = others = 0
    hold = nodes[node].first_hold
    while hold != NOBODY:
        held_by = log.runs[log.holds[hold].run].job
        if preempts >> jobs[held_by].qos & 1:
            victims += 1
            accelerators += log.holds[hold].accelerators
            cores += log.holds[hold].cores
            memory += log.holds[hold].memory
        else:
            others += 1
        hold = log.holds[hold].behind
    if whole and others > 0:
        return -1
    if accelerators < wanted.accelerators or cores < wanted.cores or memory < wanted.memory:
        return -1
    return victims


@inner
def _next_victim(node: int, preempts: int, log: Log, world: World) -> int:
    jobs, nodes = world.jobs, world.nodes
    best = NOBODY
    hold = nodes[node].first_hold
    while hold != NOBODY:
        run = log.holds[hold].run
        job = log.runs[run].job
        if preempts >> jobs[job].qos & 1:
            if best == NOBODY:
                best = run
            elif world.settings[0].youngest_first:
                if log.runs[run].start_s > log.runs[best].start_s:
                    best = run
            else:
                other = log.runs[best].job
                lower = jobs[job].priority < jobs[other].priority
                equal_but_younger = jobs[job].priority == jobs[other].priority and job > other
                if lower or equal_but_younger:
                    best = run
        hold = log.holds[hold].behind
    return best
