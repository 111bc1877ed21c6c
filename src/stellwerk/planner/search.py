"""Evaluate layouts and choose among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stellwerk.planner.constants import Constants, Rates, packaged_constants, rates_of
from stellwerk.planner.estimate import assemble_plan, software_for, step_time_spread
from stellwerk.planner.grid import COLUMNS, FloatArray, IntArray, LayoutGrid, grid_of, take_rows, total, values_at
from stellwerk.planner.layouts import BLOCK_LAYOUTS, Nodes, columns_of, layout_blocks, nodes_of, usable_device_counts
from stellwerk.planner.memory import memory_bytes, memory_parts
from stellwerk.planner.model import Layout, Machine, Plan, Software
from stellwerk.planner.shape import Shape, shape_of
from stellwerk.planner.step import step_parts, step_s
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload

USABLE_MEMORY_SHARE = 0.94
"""The rest is lost to fragmentation of the allocator."""
LAYOUTS_TOGETHER = 4 * BLOCK_LAYOUTS
"""Of blocks of several machines: with fewer, the calls of numpy cost more than what they work out."""
WORTH_FOR_SPEED = 1.10
"""Without a time limit, the fastest layout is taken that costs at most this much of the cheapest one's device-hours."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """For each number of devices the fastest layout that fits one machine's memory; arrays of shape (n,), one entry a
    number of devices, fewest first.

    Of layouts on as many devices the fastest also takes the fewest device-hours, so nothing that a plan is chosen by
    prefers another. ``evaluated`` counts the layouts whose memory was worked out; ``least_memory_bytes`` is what the
    most frugal of them needs on its fullest device, None where the batch admits no layout at all.
    ``most_device_hours`` is what the slowest layout on as many devices takes: of those that fit, leaving out what is
    slower by definition than another that fits (``kept_by_definition``).
    """

    workload: Workload
    machine: Machine
    constants: Constants
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
        return step_time_spread(self.workload.architecture, self.workload.training, self.machine, self.constants)

    @property
    def devices_spread(self) -> Interval:
        """The same of the number of devices: a layout has exactly so many."""
        return Interval.exactly(1.0)

    def front(self, machine: Machine) -> Candidates:
        """The layouts that a machine admits and that none beats in duration and device-hours; fewest devices first.

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
            memory_parts_bytes=_taken(self.memory_parts_bytes, rows),
            step_parts_s=_taken(self.step_parts_s, rows),
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
            _only(self.memory_parts_bytes, index),
            _only(self.step_parts_s, index),
            self.constants,
        )


@dataclass(frozen=True, slots=True)
class LayoutSpace:
    """The layouts of one workload on nodes of one size, with the memory of each; blocks as ``layout_blocks`` makes
    them. Without sequence parallelism none is faster or needs less memory, so all have it.

    Machines that differ in their rates, their memory or their number of devices share one space.
    """

    workload: Workload
    software: Software
    constants: Constants
    shape: Shape
    blocks: tuple[LayoutGrid, ...]
    memory_bytes: tuple[FloatArray, ...]
    """Of each block, in its shape."""
    least_bytes: tuple[FloatArray, ...]
    """Of each column of a block, shape (n,)."""

    def on(self, machine: Machine, device_counts: Collection[int]) -> Candidates:
        """The fastest layouts of these device counts on a machine with such nodes."""
        return self.on_each([(machine, device_counts)])[0]

    def on_each(self, asked: Sequence[tuple[Machine, Collection[int]]]) -> list[Candidates]:
        """The same for many machines, each with its own device counts: as many at once as make blocks worth their
        while."""
        largest = max((len(block) for block in self.blocks), default=1)
        together = max(1, LAYOUTS_TOGETHER // largest)
        found = []
        for start in range(0, len(asked), together):
            found += self._on_some(asked[start : start + together])
        return found

    def _on_some(self, asked: Sequence[tuple[Machine, Collection[int]]]) -> list[Candidates]:
        machines = [machine for machine, _ in asked]
        counts = np.array(sorted({count for _, wanted in asked for count in wanted}), dtype=np.int64)
        wanted = np.array([np.isin(counts, list(those)) for _, those in asked]).reshape(len(asked), -1)
        usable_bytes = USABLE_MEMORY_SHARE * np.array([[machine.memory_bytes] for machine in machines])
        shared_memory = np.array([machine.shared_host_memory for machine in machines])
        rates_of_each = [rates_of(machine, self.software, self.constants) for machine in machines]
        rates = _rates_along(rates_of_each, (-1, 1, 1, 1, 1, 1))
        fastest = _Fastest(len(machines), counts)
        for block, needed_bytes, least_bytes in zip(self.blocks, self.memory_bytes, self.least_bytes, strict=True):
            devices = block.devices.ravel()
            place, known = np.searchsorted(counts, devices), np.isin(devices, counts)
            columns = np.zeros((len(machines), len(devices)), dtype=np.bool_)
            columns[:, known] = wanted[:, place[known]]
            fastest.count(columns, needed_bytes.size // len(devices), least_bytes)
            columns &= least_bytes <= usable_bytes
            some = np.flatnonzero(columns.any(axis=0))
            if len(some):
                fits = needed_bytes[..., some] <= usable_bytes[:, :, None, None, None, None]
                fits[shared_memory, :, :, 1:] = False
                part = columns_of(block, some)
                step_times_s = np.broadcast_to(step_s(self.shape, rates, part), (len(machines), *part.shape))
                fastest.add(part, place[some], columns[:, some], fits, step_times_s)
        return self._candidates(machines, rates_of_each, fastest)

    def _candidates(self, machines: Sequence[Machine], rates: Sequence[Rates], fastest: _Fastest) -> list[Candidates]:
        """All parts of the fastest layouts of all machines at once."""
        number, place = np.nonzero(np.isfinite(fastest.step_s))
        grid = LayoutGrid(*fastest.layouts[:, number, place])
        rates_of_rows = take_rows(_rates_along(rates, (-1,)), number)
        memory, step = memory_parts(self.shape, rates_of_rows, grid), step_parts(self.shape, rates_of_rows, grid)
        duration_s = self.workload.training.steps * total(step)
        found = []
        for one, machine in enumerate(machines):
            rows = slice(*np.searchsorted(number, (one, one + 1)))
            hours = duration_s[rows] * fastest.counts[place[rows]] / SECONDS_PER_HOUR
            least = float(fastest.least_bytes[one])
            found.append(
                Candidates(
                    workload=self.workload,
                    machine=machine,
                    constants=self.constants,
                    grid=take_rows(grid, rows),
                    memory_parts_bytes=_taken(memory, rows),
                    step_parts_s=_taken(step, rows),
                    duration_s=duration_s[rows],
                    device_hours=hours,
                    evaluated=int(fastest.evaluated[one]),
                    least_memory_bytes=least if np.isfinite(least) else None,
                    most_device_hours=hours * fastest.slowest_s[one, place[rows]] / fastest.step_s[one, place[rows]],
                )
            )
        return found


class _Fastest:
    """The fastest layout of each number of devices (``counts``) on each machine, as blocks are looked through."""

    def __init__(self, machines: int, counts: IntArray) -> None:
        shape = (machines, len(counts))
        self.counts = counts
        self.step_s = np.full(shape, np.inf)
        self.slowest_s = np.zeros(shape)
        self.layouts = np.zeros((len(COLUMNS), *shape))
        self.evaluated = np.zeros(machines)
        self.least_bytes = np.full(machines, np.inf)

    def count(self, asked: npt.NDArray[np.bool_], choices: int, least_bytes: FloatArray) -> None:
        """A block with so many choices in each column; ``asked`` says which columns are looked at on which machine,
        shape (machines, columns)."""
        self.evaluated += choices * asked.sum(axis=1)
        self.least_bytes = np.minimum(
            self.least_bytes, np.where(asked, least_bytes, np.inf).min(axis=1, initial=np.inf)
        )

    def add(
        self,
        block: LayoutGrid,
        place: IntArray,
        asked: npt.NDArray[np.bool_],
        fits: npt.NDArray[np.bool_],
        step_s: FloatArray,
    ) -> None:
        """A block with the place of each of its columns among the numbers of devices, in order; ``fits`` and
        ``step_s`` have the block's shape behind an axis of machines."""
        columns = len(place)
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        places = place[starts]
        slowest = np.where(kept_by_definition(fits), step_s, 0.0).reshape(len(fits), -1, columns).max(axis=1) * asked
        self.slowest_s[:, places] = np.maximum(self.slowest_s[:, places], np.maximum.reduceat(slowest, starts, axis=1))
        seconds = np.where(fits, step_s, np.inf).reshape(len(fits), -1, columns)
        best = np.where(asked, seconds.min(axis=1), np.inf)
        best_of_count = np.minimum.reduceat(best, starts, axis=1)
        machine, group = np.nonzero(best_of_count < self.step_s[:, places])
        is_best = best == np.repeat(best_of_count, np.diff(starts, append=columns), axis=1)
        first = np.minimum.reduceat(np.where(is_best, np.arange(columns), columns), starts, axis=1)[machine, group]
        rows = seconds[machine, :, first].argmin(axis=1) * columns + first
        self.step_s[machine, places[group]] = best_of_count[machine, group]
        self.layouts[:, machine, places[group]] = values_at(block, rows)


def _rates_along(rates: Sequence[Rates], shape: tuple[int, ...]) -> Rates:
    """The rates of machines as arrays of a shape; what they have in common stays one number."""
    fields = [[getattr(one, name) for one in rates] for name in Rates.__slots__]
    return Rates(*(values[0] if len(set(values)) == 1 else np.array(values).reshape(shape) for values in fields))


def _taken(parts: Mapping[str, FloatArray], rows: IntArray | slice) -> dict[str, FloatArray]:
    return {name: values[rows] for name, values in parts.items()}


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
    blocks = tuple(layout_blocks(architecture, training, nodes, device_counts, sequence_parallel=(1,)))
    needed_bytes = tuple(memory_bytes(shape, rates, block) for block in blocks)
    return LayoutSpace(
        workload=workload,
        software=software,
        constants=constants,
        shape=shape,
        blocks=blocks,
        memory_bytes=needed_bytes,
        least_bytes=tuple(one.min(axis=(0, 1, 2, 3)) for one in needed_bytes),
    )


def search(
    workload: Workload,
    machine: Machine,
    device_counts: Iterable[int] | None = None,
    constants: Constants | None = None,
) -> Candidates:
    """The fastest layouts of the workload on the machine, for every device count worth trying, or those given.

    The search is exhaustive over ``layout_blocks``: what it leaves out is no faster than something it keeps
    (docs/decisions/0017-layout-space-in-blocks.md).
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
        _only(memory_parts(shape, rates, grid), 0),
        _only(step_parts(shape, rates, grid), 0),
        constants,
    )


def kept_by_definition(fits: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Of recomputations (second axis, behind the machines) and offloads (fourth axis), which take longer the later they
    come, those that fit where none before them does in both."""
    mask = fits.copy()
    mask[:, :, :, 1:] &= ~fits[:, :, :, :1]
    before = fits[:, 0]
    for recomputation in range(1, fits.shape[1]):
        mask[:, recomputation] &= ~before
        before = before | fits[:, recomputation]
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


def _only(parts: Mapping[str, FloatArray], index: int) -> dict[str, float]:
    return {name: float(values[index]) for name, values in parts.items()}
