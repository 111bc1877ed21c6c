"""The options of a workload on every machine of a match, with one search for machines that differ in size only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from stellwerk.planner import (
    Candidates,
    Machine,
    Nodes,
    Plan,
    ServingCandidates,
    ServingPlan,
    layout_space,
    nodes_of,
    search_serving,
    usable_device_counts,
)
from stellwerk.workload import Serving, Workload

Options = Candidates | ServingCandidates
"""Ways to run a workload on one machine: layouts of a training, or replicas of a service."""


@dataclass(frozen=True, slots=True)
class MachineOptions:
    """The options on one machine; the plan of each is worked out once, however many offers take it."""

    candidates: Options
    _plans: dict[int, Plan | ServingPlan] = field(default_factory=dict)

    def plan(self, index: int) -> Plan | ServingPlan:
        if index not in self._plans:
            self._plans[index] = self.candidates.plan(index)
        return self._plans[index]


def options_by_machine(workload: Workload, machines: Iterable[Machine]) -> dict[Machine, MachineOptions]:
    """For each machine the options that none beats in both time and device-hours, or the ways to serve."""
    if isinstance(workload.task, Serving):
        return {machine: MachineOptions(search_serving(workload, machine)) for machine in dict.fromkeys(machines)}
    by_kind: dict[Machine, list[Machine]] = {}
    for machine in dict.fromkeys(machines):
        by_kind.setdefault(replace(machine, devices=machine.devices_per_node), []).append(machine)
    counts = {
        kind: {count for member in members for count in usable_device_counts(member)}
        for kind, members in by_kind.items()
    }
    options: dict[Machine, MachineOptions] = {}
    for node, kinds in _by_node(counts).items():
        space = layout_space(workload, *node, set().union(*(counts[kind] for kind in kinds)))
        every = space.on_each([(kind, counts[kind]) for kind in kinds])
        for kind, fastest in zip(kinds, every, strict=True):
            options |= {member: MachineOptions(fastest.front(member)) for member in by_kind[kind]}
    return options


def _by_node(kinds: Iterable[Machine]) -> dict[tuple[Nodes, float], list[Machine]]:
    """Kinds of machines by what they have to share to have the same layouts and memory."""
    by_node: dict[tuple[Nodes, float], list[Machine]] = {}
    for kind in kinds:
        by_node.setdefault((nodes_of(kind), kind.runtime_bytes), []).append(kind)
    return by_node
