"""The options of a workload on every machine of a match, with one search for machines that differ in size only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from stellwerk.planner import (
    Candidates,
    Machine,
    Plan,
    ServingCandidates,
    ServingPlan,
    search,
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
    options: dict[Machine, MachineOptions] = {}
    for kind, members in by_kind.items():
        counts = {count for member in members for count in usable_device_counts(member)}
        fastest = search(workload, kind, counts).fastest_by_devices()
        options |= {member: MachineOptions(fastest.front(member)) for member in members}
    return options
