"""Evaluate layouts and choose among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stellwerk.planner.estimate import assemble_plan, step_time_spread
from stellwerk.planner.layouts import (
    FloatArray,
    IntArray,
    LayoutGrid,
    enumerate_layouts,
    grid_of,
    take_rows,
    usable_device_counts,
)
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.model import Layout, Machine, Plan
from stellwerk.planner.step import StepWork, step_parts, step_work
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload

USABLE_MEMORY_SHARE = 0.94
"""The rest is lost to fragmentation of the allocator."""
WORTH_FOR_SPEED = 1.10
"""Without a time limit, the fastest layout is taken that costs at most this much of the cheapest one's device-hours."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The layouts of one workload that fit one machine's memory; arrays of shape (n,), one entry a layout, those of the
    fewest devices first.

    ``evaluated`` counts the layouts that were looked at; ``least_memory_bytes`` is what the most frugal of them needs
    on its fullest device, None where the batch admits no layout at all. ``most_device_hours`` is what the most
    wasteful layout takes that an entry stands for.
    """

    workload: Workload
    machine: Machine
    grid: LayoutGrid
    memory_parts_bytes: Mapping[str, FloatArray]
    step_parts_s: Mapping[str, FloatArray]
    duration_s: FloatArray
    device_hours: FloatArray
    evaluated: int
    least_memory_bytes: float | None
    most_device_hours: FloatArray

    @property
    def devices(self) -> IntArray:
        return self.grid.devices

    @property
    def duration_spread(self) -> Interval:
        """The interval of every duration, in units of its best estimate."""
        return step_time_spread(self.workload, self.machine)

    @property
    def devices_spread(self) -> Interval:
        """The same of the number of devices: a layout has exactly so many."""
        return Interval.exactly(1.0)

    def fastest_by_devices(self) -> Candidates:
        """The fastest layout of every number of devices, fewest devices first; each stands for all of its number."""
        if not len(self.grid):
            return self
        first = np.flatnonzero(np.diff(self.devices, prepend=0))
        ends = [*first[1:].tolist(), len(self.grid)]
        rows = [
            start + int(self.duration_s[start:end].argmin()) for start, end in zip(first.tolist(), ends, strict=True)
        ]
        most = np.maximum.reduceat(self.most_device_hours, first)
        return replace(self._at(np.array(rows)), most_device_hours=most)

    def front(self, machine: Machine) -> Candidates:
        """Of the fastest layouts by number of devices, those that a machine admits and that none beats in both duration
        and device-hours; fewest devices first.

        The machine may differ from the one that was searched in its number of devices.
        """
        admitted = set(usable_device_counts(machine))
        rows, fewest_hours = [], np.inf
        hours, devices = self.device_hours.tolist(), self.devices.tolist()
        for row in np.argsort(self.duration_s, kind="stable").tolist():
            if devices[row] in admitted and hours[row] < fewest_hours:
                rows.append(row)
                fewest_hours = hours[row]
        return replace(self._at(np.array(sorted(rows), dtype=np.int64)), machine=machine)

    def choose(self, *, max_duration_s: float | None = None) -> Plan | None:
        """The plan to propose, or None where no layout fits the memory and the time limit.

        With a time limit: the fewest device-hours within it. Without one: the fastest layout that costs at most
        ``WORTH_FOR_SPEED`` of the fewest possible device-hours.
        """
        if not len(self.grid):
            return None
        if max_duration_s is None:
            affordable = self.device_hours <= WORTH_FOR_SPEED * self.device_hours.min()
            return self.plan(int(np.argmin(np.where(affordable, self.duration_s, np.inf))))
        hours = np.where(self.duration_s <= max_duration_s, self.device_hours, np.inf)
        best = int(np.lexsort((self.duration_s, hours))[0])
        return self.plan(best) if np.isfinite(hours[best]) else None

    def fastest(self) -> Plan | None:
        """The layout with the shortest duration, or None where none fits."""
        return self.plan(int(np.argmin(self.duration_s))) if len(self.grid) else None

    def _at(self, rows: npt.NDArray[np.int64]) -> Candidates:
        return replace(
            self,
            grid=take_rows(self.grid, rows),
            memory_parts_bytes={name: values[rows] for name, values in self.memory_parts_bytes.items()},
            step_parts_s={name: values[rows] for name, values in self.step_parts_s.items()},
            duration_s=self.duration_s[rows],
            device_hours=self.device_hours[rows],
            most_device_hours=self.most_device_hours[rows],
        )

    def plan(self, index: int) -> Plan:
        """One layout with everything that follows from it."""
        return assemble_plan(
            self.workload,
            self.machine,
            self.grid.row(index),
            {name: float(values[index]) for name, values in self.memory_parts_bytes.items()},
            {name: float(values[index]) for name, values in self.step_parts_s.items()},
        )


@dataclass(frozen=True, slots=True)
class LayoutSpace:
    """Every layout of one workload on nodes of one size, with what each takes whatever the accelerator.

    Arrays of shape (n,), one entry a layout, those of the fewest devices first. Machines that differ in their rates,
    their memory or their number of devices share one space.
    """

    workload: Workload
    grid: LayoutGrid
    devices: IntArray
    memory_parts_bytes: Mapping[str, FloatArray]
    memory_bytes: FloatArray
    work: StepWork

    def on(self, machine: Machine, device_counts: Collection[int]) -> Candidates:
        """The layouts of these device counts on a machine with such nodes."""
        counts = np.fromiter(device_counts, dtype=np.int64)
        reach = slice(0, int(np.searchsorted(self.devices, counts.max(initial=0), side="right")))
        asked = np.isin(self.devices[reach], counts)
        memory_bytes = self.memory_bytes[reach]
        fits = asked & (memory_bytes <= USABLE_MEMORY_SHARE * machine.memory_bytes)
        steps = step_parts(take_rows(self.work, reach), machine)
        duration_s = (self.workload.training.steps * sum(steps.values(), start=np.zeros(1)))[fits]
        device_hours = duration_s * self.devices[reach][fits] / SECONDS_PER_HOUR
        return Candidates(
            workload=self.workload,
            machine=machine,
            grid=take_rows(take_rows(self.grid, reach), fits),
            memory_parts_bytes={name: values[reach][fits] for name, values in self.memory_parts_bytes.items()},
            step_parts_s={name: values[fits] for name, values in steps.items()},
            duration_s=duration_s,
            device_hours=device_hours,
            evaluated=int(asked.sum()),
            least_memory_bytes=float(memory_bytes[asked].min()) if asked.any() else None,
            most_device_hours=device_hours,
        )


def layout_space(
    workload: Workload, devices_per_node: int, runtime_bytes: float, device_counts: Iterable[int]
) -> LayoutSpace:
    """Every layout of the device counts on such nodes; ``runtime_bytes`` are taken on each device beforehand."""
    architecture, training = workload.architecture, workload.training
    grid = enumerate_layouts(architecture, training, devices_per_node, device_counts)
    memory = memory_parts(architecture, training, runtime_bytes, grid)
    return LayoutSpace(
        workload=workload,
        grid=grid,
        devices=grid.devices,
        memory_parts_bytes=memory,
        memory_bytes=np.sum(list(memory.values()), axis=0),
        work=step_work(architecture, training, devices_per_node, grid),
    )


def search(workload: Workload, machine: Machine, device_counts: Iterable[int] | None = None) -> Candidates:
    """Evaluate every layout of the workload on the machine, for every device count worth trying, or those given.

    The search is exhaustive over ``enumerate_layouts``.
    """
    counts = usable_device_counts(machine) if device_counts is None else tuple(device_counts)
    return layout_space(workload, machine.devices_per_node, machine.runtime_bytes, counts).on(machine, counts)


def plan_layout(workload: Workload, machine: Machine, layout: Layout) -> Plan:
    """What is predicted for one given layout, whether it fits the memory or not.

    Raises ValueError where the layout crosses nodes and the machine's network is unknown.
    """
    if layout.devices > machine.devices_per_node and machine.network_bytes_per_s is None:
        raise ValueError(f"{layout.devices} devices cross nodes of {machine.name}, whose network is unknown")
    grid = grid_of([layout])
    architecture, training = workload.architecture, workload.training
    memory = memory_parts(architecture, training, machine.runtime_bytes, grid)
    steps = step_parts(step_work(architecture, training, machine.devices_per_node, grid), machine)
    return assemble_plan(
        workload,
        machine,
        layout,
        {name: float(values[0]) for name, values in memory.items()},
        {name: float(values[0]) for name, values in steps.items()},
    )
