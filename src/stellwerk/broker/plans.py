"""The options of a workload on every machine of a match, with one search for machines that differ in size only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stellwerk.planner import Candidates, Machine, search, usable_device_counts
from stellwerk.workload import Workload


def options_by_machine(workload: Workload, machines: Iterable[Machine]) -> dict[Machine, Candidates]:
    """For each machine the options that none beats in both time and device-hours."""
    by_kind: dict[Machine, list[Machine]] = {}
    for machine in dict.fromkeys(machines):
        by_kind.setdefault(replace(machine, devices=machine.devices_per_node), []).append(machine)
    options: dict[Machine, Candidates] = {}
    for kind, members in by_kind.items():
        counts = {count for member in members for count in usable_device_counts(member)}
        found = search(workload, kind, counts)
        options |= {member: found.on(member).front() for member in members}
    return options
