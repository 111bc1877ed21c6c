"""The options of a workload on every machine of a match, with one search for machines that differ in size only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stellwerk.planner import (
    Candidates,
    LayoutSpace,
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
    spaces = _spaces(workload, counts)
    options: dict[Machine, MachineOptions] = {}
    for kind, members in by_kind.items():
        fastest = spaces[_node(kind)].on(kind, counts[kind])
        options |= {member: MachineOptions(fastest.front(member)) for member in members}
    return options


def _spaces(workload: Workload, counts_by_kind: Mapping[Machine, set[int]]) -> dict[tuple[Nodes, float], LayoutSpace]:
    """By nodes, the layouts of all numbers of devices that any kind of machine with such nodes asks for."""
    counts: dict[tuple[Nodes, float], set[int]] = {}
    for kind, asked in counts_by_kind.items():
        counts.setdefault(_node(kind), set()).update(asked)
    return {node: layout_space(workload, *node, asked) for node, asked in counts.items()}


def _node(machine: Machine) -> tuple[Nodes, float]:
    """What machines have to share to have the same layouts and memory."""
    return nodes_of(machine), machine.runtime_bytes
