"""Evaluate layouts and choose among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stellwerk.planner.constants import Constants, Rates, packaged_constants, rates_of
from stellwerk.planner.estimate import assemble_plan, software_for, step_time_spread
from stellwerk.planner.layouts import (
    FloatArray,
    IntArray,
    LayoutGrid,
    Nodes,
    chosen_layouts,
    grid_of,
    joined,
    layout_blocks,
    take_rows,
    total,
    usable_device_counts,
)
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.model import Layout, Machine, Plan, Software
from stellwerk.planner.shape import Shape, shape_of
from stellwerk.planner.step import step_parts
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload

USABLE_MEMORY_SHARE = 0.94
"""The rest is lost to fragmentation of the allocator."""
WORTH_FOR_SPEED = 1.10
"""Without a time limit, the fastest layout is taken that costs at most this much of the cheapest one's device-hours."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The layouts of one workload that fit one machine's memory and that no other beats by its definition; arrays of
    shape (n,), one entry a layout, those of the fewest devices first.

    ``evaluated`` counts the layouts whose memory was worked out; ``least_memory_bytes`` is what the most frugal of them
    needs on its fullest device, None where the batch admits no layout at all. ``most_device_hours`` is what the most
    wasteful layout takes that an entry stands for.
    """

    workload: Workload
    machine: Machine
    constants: Constants
    grid: LayoutGrid
    memory_bytes: FloatArray
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
        return step_time_spread(self.workload.architecture, self.workload.training, self.machine, self.constants)

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
            memory_bytes=self.memory_bytes[rows],
            duration_s=self.duration_s[rows],
            device_hours=self.device_hours[rows],
            most_device_hours=self.most_device_hours[rows],
        )

    def plan(self, index: int) -> Plan:
        """One layout with everything that follows from it."""
        return plan_layout(self.workload, self.machine, self.grid.row(index), constants=self.constants)


@dataclass(frozen=True, slots=True)
class LayoutSpace:
    """The layouts of one workload on nodes of one size, with the memory of each; blocks as ``layout_blocks`` makes
    them, those of the fewest devices first.

    Machines that differ in their rates, their memory or their number of devices share one space.
    """

    workload: Workload
    software: Software
    constants: Constants
    shape: Shape
    blocks: tuple[LayoutGrid, ...]
    memory_bytes: tuple[FloatArray, ...]
    """Of each block, in its shape."""

    def on(self, machine: Machine, device_counts: Collection[int]) -> Candidates:
        """The layouts of these device counts on a machine with such nodes.

        Of layouts that differ in recomputation or offloading only, those that spare memory take longer: only the
        fastest that fits is a candidate, so the others' times are never worked out.
        """
        counts = set(device_counts)
        rates = rates_of(machine, self.software, self.constants)
        usable_bytes = USABLE_MEMORY_SHARE * machine.memory_bytes
        grids, memories, evaluated, least = [], [], 0, np.inf
        for block, memory_bytes in zip(self.blocks, self.memory_bytes, strict=True):
            if int(block.devices.flat[0]) not in counts:
                continue
            evaluated += memory_bytes.size
            least = min(least, float(memory_bytes.min()))
            mask = first_that_fits(memory_bytes <= usable_bytes)
            if mask.any():
                grids.append(chosen_layouts(block, mask))
                memories.append(memory_bytes[mask])
        grid = joined(grids)
        steps = [total(step_parts(self.shape, rates, one)) for one in grids]
        duration_s = self.workload.training.steps * np.concatenate([np.zeros(0), *steps])
        device_hours = duration_s * grid.devices / SECONDS_PER_HOUR
        return Candidates(
            workload=self.workload,
            machine=machine,
            constants=self.constants,
            grid=grid,
            memory_bytes=np.concatenate([np.zeros(0), *memories]),
            duration_s=duration_s,
            device_hours=device_hours,
            evaluated=evaluated,
            least_memory_bytes=least if np.isfinite(least) else None,
            most_device_hours=device_hours,
        )


def layout_space(
    workload: Workload,
    nodes: Nodes,
    runtime_bytes: float,
    device_counts: Iterable[int],
    constants: Constants | None = None,
) -> LayoutSpace:
    """Every layout of the device counts on such nodes; ``runtime_bytes`` are taken on each device beforehand."""
    constants = constants or packaged_constants()
    architecture, training = workload.architecture, workload.training
    software = software_for(training)
    shape = shape_of(architecture, training)
    rates = _memory_rates(nodes, runtime_bytes, software, constants)
    blocks = tuple(layout_blocks(architecture, training, nodes, device_counts))
    return LayoutSpace(
        workload=workload,
        software=software,
        constants=constants,
        shape=shape,
        blocks=blocks,
        memory_bytes=tuple(total(memory_parts(shape, rates, block)) for block in blocks),
    )


def search(
    workload: Workload,
    machine: Machine,
    device_counts: Iterable[int] | None = None,
    constants: Constants | None = None,
) -> Candidates:
    """The best layouts of the workload on the machine, for every device count worth trying, or those given.

    The search is exhaustive over ``layout_blocks``: what it leaves out is slower than something it keeps.
    """
    counts = usable_device_counts(machine) if device_counts is None else tuple(device_counts)
    return layout_space(workload, nodes_of(machine), machine.runtime_bytes, counts, constants).on(machine, counts)


def plan_layout(
    workload: Workload,
    machine: Machine,
    layout: Layout,
    *,
    software: Software | None = None,
    constants: Constants | None = None,
) -> Plan:
    """What is predicted for one given layout, whether it fits the memory or not.

    Raises ValueError where the layout crosses nodes and the machine's network is unknown.
    """
    if layout.devices > machine.devices_per_node and machine.network_bytes_per_s is None:
        raise ValueError(f"{layout.devices} devices cross nodes of {machine.name}, whose network is unknown")
    constants = constants or packaged_constants()
    rates = rates_of(machine, software or software_for(workload.training), constants)
    grid, shape = grid_of([layout]), shape_of(workload.architecture, workload.training)
    return assemble_plan(
        workload,
        machine,
        layout,
        _only(memory_parts(shape, rates, grid)),
        _only(step_parts(shape, rates, grid)),
        constants,
    )


def nodes_of(machine: Machine) -> Nodes:
    """What decides which layouts there are on the machine."""
    return Nodes(machine.devices_per_node, machine.domain_devices or machine.devices_per_node)


def first_that_fits(fits: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Of recomputations (first axis) and offloads (third axis), which take longer the later they come, those that fit
    where none before them does in both."""
    mask = fits.copy()
    mask[:, :, 1:] &= ~fits[:, :, :1]
    mask[1:] &= ~np.maximum.accumulate(fits, axis=0)[:-1]
    return mask


def _memory_rates(nodes: Nodes, runtime_bytes: float, software: Software, constants: Constants) -> Rates:
    """Those of the rates that memory depends on, which no accelerator differs in."""
    anywhere = Machine(
        name="",
        devices=1,
        devices_per_node=nodes.devices,
        memory_bytes=1.0,
        peak_flops=1.0,
        matmul_flops=1.0,
        memory_bandwidth_bytes_per_s=1.0,
        link_bytes_per_s=1.0,
        network_bytes_per_s=None,
        runtime_bytes=runtime_bytes,
        power_w=None,
        pue=Interval.exactly(1.0),
    )
    return rates_of(anywhere, software, constants)


def _only(parts: Mapping[str, FloatArray]) -> dict[str, float]:
    return {name: float(values[0]) for name, values in parts.items()}
