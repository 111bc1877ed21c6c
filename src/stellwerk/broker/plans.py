"""The options of a workload on every machine of a match, with one search for machines that differ in size only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from stellwerk.planner import (
    Candidates,
    Machine,
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

_kind = attrgetter(*(one.name for one in fields(Machine) if one.name != "devices"))


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
    options: dict[Machine, MachineOptions] = {}
    for kinds in _kinds_by_node(machines):
        counts = [set().union(*map(usable_device_counts, members)) for members in kinds]
        first = [members[0] for members in kinds]
        space = layout_space(workload, first[0], set().union(*counts))
        for members, fastest in zip(kinds, space.on_each(list(zip(first, counts, strict=True))), strict=True):
            options |= {member: MachineOptions(fastest.front(member)) for member in members}
    return options


def _kinds_by_node(machines: Iterable[Machine]) -> Iterable[Collection[list[Machine]]]:
    """Machines that differ in size only, and these together that share what decides on layouts and their memory."""
    by_node: dict[Any, dict[Any, list[Machine]]] = {}
    for machine in dict.fromkeys(machines):
        kinds = by_node.setdefault((nodes_of(machine), machine.runtime_bytes), {})
        kinds.setdefault(_kind(machine), []).append(machine)
    return [kinds.values() for kinds in by_node.values()]
