"""Evaluate layouts and choose among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stellwerk.planner.constants import Constants, Rates, packaged_constants, rates_of
from stellwerk.planner.estimate import assemble_plan, software_for, step_time_spread
from stellwerk.planner.grid import FloatArray, IntArray, LayoutGrid, grid_of, take_rows, total
from stellwerk.planner.layouts import (
    BLOCK_LAYOUTS,
    EVEN_COLUMNS,
    columns_and_choices,
    layout_blocks,
    nodes_of,
    usable_device_counts,
)
from stellwerk.planner.memory import memory_bytes, memory_parts
from stellwerk.planner.model import Layout, Machine, Plan, Software
from stellwerk.planner.shape import Shape, shape_of
from stellwerk.planner.step import step_parts, step_s
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload

USABLE_MEMORY_SHARE = 0.94
"""The rest is lost to fragmentation of the allocator."""
LAYOUTS_TOGETHER = BLOCK_LAYOUTS // 4
"""Times that are worked out together, of all machines: most parts of a step have as many numbers."""
MACHINES_TOGETHER = 32
"""At most: each also meets the layouts on numbers of devices that only others of them were asked for."""
WORTH_FOR_SPEED = 1.10
"""Without a time limit, the fastest layout is taken that costs at most this much of the cheapest one's device-hours."""


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """Layouts with every part of their memory and of a step; arrays of shape (n,), one row a layout."""

    grid: LayoutGrid
    memory_parts_bytes: Mapping[str, FloatArray]
    step_parts_s: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Candidates:
    """For each number of devices the fastest layout that fits one machine's memory; arrays of shape (n,), one entry a
    number of devices, fewest first. ``layouts`` may hold those of other machines as well: an entry's own is in the row
    that ``rows`` says.

    Of layouts on as many devices the fastest also takes the fewest device-hours, so nothing that a plan is chosen by
    prefers another. ``evaluated`` counts the layouts whose memory was worked out; ``least_memory_bytes`` is what the
    most frugal of them needs on its fullest device, None where the batch admits no layout at all.
    ``most_device_hours`` is what the slowest layout on as many devices takes: of those that fit, leaving out what is
    slower by definition than another that fits (``kept_by_definition``). ``duration_spread`` is the interval of every
    duration, in units of its best estimate.
    """

    workload: Workload
    machine: Machine
    layouts: WorkedOut
    rows: IntArray
    devices: IntArray
    duration_s: FloatArray
    device_hours: FloatArray
    most_device_hours: FloatArray
    duration_spread: Interval
    evaluated: int
    least_memory_bytes: float | None

    @property
    def devices_spread(self) -> Interval:
        """The interval of the number of devices, in units of the best estimate: a layout has exactly so many."""
        return Interval.exactly(1.0)

    def front(self, machine: Machine) -> Candidates:
        """The layouts that a machine admits and that none beats in duration and device-hours; fewest devices first.

        The machine may differ from the one that was searched in its number of devices.
        """
        admitted = set(usable_device_counts(machine))
        entries, fewest_hours = [], np.inf
        hours, devices = self.device_hours.tolist(), self.devices.tolist()
        for entry in np.argsort(self.duration_s, kind="stable").tolist():
            if devices[entry] in admitted and hours[entry] < fewest_hours:
                entries.append(entry)
                fewest_hours = hours[entry]
        chosen = np.array(sorted(entries), dtype=np.int64)
        return replace(
            self,
            machine=machine,
            rows=self.rows[chosen],
            devices=self.devices[chosen],
            duration_s=self.duration_s[chosen],
            device_hours=self.device_hours[chosen],
            most_device_hours=self.most_device_hours[chosen],
        )

    def choose(self, *, max_duration_s: float | None = None) -> Plan | None:
        """The plan to propose, or None where no layout fits the memory and the time limit.

        With a time limit: the fewest device-hours within it. Without one: the fastest layout that costs at most
        ``WORTH_FOR_SPEED`` of the fewest possible device-hours.
        """
        if not len(self.rows):
            return None
        if max_duration_s is None:
            affordable = self.device_hours <= WORTH_FOR_SPEED * self.device_hours.min()
            return self.plan(int(np.argmin(np.where(affordable, self.duration_s, np.inf))))
        hours = np.where(self.duration_s <= max_duration_s, self.device_hours, np.inf)
        best = int(np.lexsort((self.duration_s, hours))[0])
        return self.plan(best) if np.isfinite(hours[best]) else None

    def fastest(self) -> Plan | None:
        """The layout with the shortest duration, or None where none fits."""
        return self.plan(int(np.argmin(self.duration_s))) if len(self.rows) else None

    def plan(self, index: int) -> Plan:
        """One layout with everything that follows from it."""
        row = int(self.rows[index])
        return assemble_plan(
            self.workload,
            self.machine,
            self.layouts.grid.row(row),
            _only(self.layouts.memory_parts_bytes, row),
            _only(self.layouts.step_parts_s, row),
            self.duration_spread,
        )


@dataclass(frozen=True, slots=True)
class LayoutSpace:
    """The layouts of one workload on nodes of one size, with the memory of each. Without sequence parallelism none is
    faster or needs less memory, so all have it.

    Machines that differ in their rates, their memory or their number of devices share one space.
    """

    workload: Workload
    software: Software
    constants: Constants
    shape: Shape
    memory_bytes: tuple[FloatArray, ...]
    """Of each block of ``layout_blocks``, in its shape."""
    columns: FloatArray
    choices: FloatArray
    """As ``columns_and_choices`` has them."""
    devices: IntArray
    """Of each column, shape (n,), and so are the two that follow."""
    layouts: IntArray
    """How many there are."""
    least_bytes: FloatArray
    """What the most frugal of them needs."""

    def on(self, machine: Machine, device_counts: Collection[int]) -> Candidates:
        """The fastest layouts of these device counts on a machine with such nodes."""
        return self.on_each([(machine, device_counts)])[0]

    def on_each(self, asked: Sequence[tuple[Machine, Collection[int]]]) -> list[Candidates]:
        """The same for many machines, each with its own device counts. On those with as much memory the same layouts
        fit, so they are looked at together."""
        alike: dict[tuple[float, bool], list[int]] = {}
        for place, (machine, _) in enumerate(asked):
            alike.setdefault((machine.memory_bytes, machine.shared_host_memory), []).append(place)
        found: dict[int, Candidates] = {}
        for places in alike.values():
            for start in range(0, len(places), MACHINES_TOGETHER):
                some = places[start : start + MACHINES_TOGETHER]
                found |= zip(some, self._on_alike([asked[place] for place in some]), strict=True)
        return [found[place] for place in range(len(asked))]

    def _on_alike(self, asked: Sequence[tuple[Machine, Collection[int]]]) -> Iterator[Candidates]:
        machines = [machine for machine, _ in asked]
        counts, wanted = _united([device_counts for _, device_counts in asked])
        rates_of_each = [rates_of(machine, self.software, self.constants) for machine in machines]
        distinct = {rates: place for place, rates in enumerate(dict.fromkeys(rates_of_each))}
        rates = _rates_along(list(distinct), (-1, 1))
        fitting = self._fitting(machines[0], counts, offloading_is_slower=_offloading_is_slower(self.shape, rates))
        fastest = self._fastest(rates, fitting, len(distinct), len(counts))

        rates_of_machine = np.array([distinct[one] for one in rates_of_each])
        number, place = np.nonzero(wanted & np.isfinite(fastest.step_s)[rates_of_machine])
        found = (rates_of_machine[number], place)
        grid = take_rows(fitting.grid, fastest.rows[found])
        rates_of_rows = take_rows(_rates_along(rates_of_each, (-1,)), number)
        step = step_parts(self.shape, rates_of_rows, grid)
        layouts = WorkedOut(grid, memory_parts(self.shape, rates_of_rows, grid), step)
        devices, duration_s = counts[place], self.workload.training.steps * total(step)
        hours = duration_s * devices / SECONDS_PER_HOUR
        most_hours = hours * fastest.slowest_s[found] / fastest.step_s[found]
        evaluated = wanted @ fitting.layouts_of_count
        least_bytes = np.where(wanted, fitting.least_bytes_of_count, np.inf).min(axis=1, initial=np.inf)
        ends = np.searchsorted(number, np.arange(len(machines) + 1)).tolist()
        for one, machine in enumerate(machines):
            rows = slice(ends[one], ends[one + 1])
            yield Candidates(
                workload=self.workload,
                machine=machine,
                layouts=layouts,
                rows=np.arange(rows.start, rows.stop),
                devices=devices[rows],
                duration_s=duration_s[rows],
                device_hours=hours[rows],
                most_device_hours=most_hours[rows],
                duration_spread=step_time_spread(
                    self.workload.architecture, self.workload.training, machine, self.constants
                ),
                evaluated=int(evaluated[one]),
                least_memory_bytes=float(least_bytes[one]) if np.isfinite(least_bytes[one]) else None,
            )

    def _fitting(self, machine: Machine, counts: IntArray, *, offloading_is_slower: bool) -> _Fitting:
        """The layouts on these numbers of devices that fit the memory of a machine and that may be the fastest. Where
        ``offloading_is_slower``, whatever fits without it leaves it out."""
        usable_bytes = USABLE_MEMORY_SHARE * machine.memory_bytes
        asked = np.isin(self.devices, counts)
        place_of_column = np.searchsorted(counts, self.devices)
        layouts_of_count, least_bytes_of_count = np.zeros(len(counts)), np.full(len(counts), np.inf)
        np.add.at(layouts_of_count, place_of_column[asked], self.layouts[asked])
        np.minimum.at(least_bytes_of_count, place_of_column[asked], self.least_bytes[asked])

        fits_somehow = asked & (self.least_bytes <= usable_bytes)
        nothing = np.zeros(0, dtype=np.int64)
        columns, choices, by_definition = [nothing], [nothing], [nothing.astype(np.bool_)]
        first_column = first_choice = 0
        for needed_bytes in self.memory_bytes:
            some = np.flatnonzero(fits_somehow[first_column : first_column + needed_bytes.shape[-1]])
            fits = needed_bytes[..., some] <= usable_bytes
            if machine.shared_host_memory:
                fits[:, :, 1:] = False
            kept = kept_by_definition(fits)
            worth = kept if offloading_is_slower else earliest_recomputations(fits)
            choice, column = np.divmod(np.flatnonzero(worth), max(len(some), 1))
            columns.append(first_column + some[column])
            choices.append(first_choice + choice)
            by_definition.append(kept[worth])
            first_column += needed_bytes.shape[-1]
            first_choice += needed_bytes.size // needed_bytes.shape[-1]
        every_column = np.concatenate(columns)
        # Fewest devices first; of as many, column by column as they stand in the blocks.
        order = np.lexsort((every_column, place_of_column[every_column]))
        column = every_column[order]
        return _Fitting(
            grid=LayoutGrid(*self.columns[:, column], *self.choices[:, np.concatenate(choices)[order]]),
            place=place_of_column[column],
            by_definition=np.concatenate(by_definition)[order],
            layouts_of_count=layouts_of_count,
            least_bytes_of_count=least_bytes_of_count,
        )

    def _fastest(self, rates: Rates, fitting: _Fitting, machines: int, counts: int) -> _Fastest:
        fastest = _Fastest(machines, counts)
        rows = max(1, LAYOUTS_TOGETHER // machines)
        for start in range(0, len(fitting.grid), rows):
            part = slice(start, start + rows)
            grid = take_rows(fitting.grid, part)
            step_times_s = np.broadcast_to(step_s(self.shape, rates, grid), (machines, len(grid)))
            fastest.add(start, fitting.place[part], step_times_s, fitting.by_definition[part])
        return fastest


@dataclass(frozen=True, slots=True)
class _Fitting:
    """Layouts that fit a memory; fewest devices first."""

    grid: LayoutGrid
    """Arrays of shape (n,), and so are the two that follow."""
    place: IntArray
    """Of its number of devices among those that were asked for."""
    by_definition: npt.NDArray[np.bool_]
    """Whether it is no slower by definition than another."""
    layouts_of_count: FloatArray
    """Of each number of devices, whether they fit or not."""
    least_bytes_of_count: FloatArray


class _Fastest:
    """The fastest layout of each number of devices on each machine, as layouts are looked through: arrays of shape
    (machines, counts)."""

    def __init__(self, machines: int, counts: int) -> None:
        self.step_s = np.full((machines, counts), np.inf)
        self.slowest_s = np.zeros((machines, counts))
        self.rows = np.zeros((machines, counts), dtype=np.int64)

    def add(self, start: int, place: IntArray, step_s: FloatArray, by_definition: npt.NDArray[np.bool_]) -> None:
        """Rows from ``start`` on, with the place of each among the numbers of devices, in order; ``step_s`` has the
        shape (machines, rows)."""
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        places = place[starts]
        slowest_s = np.maximum.reduceat(np.where(by_definition, step_s, 0.0), starts, axis=1)
        self.slowest_s[:, places] = np.maximum(self.slowest_s[:, places], slowest_s)
        best_s = np.minimum.reduceat(step_s, starts, axis=1)
        machine, group = np.nonzero(best_s < self.step_s[:, places])
        is_best = step_s == np.repeat(best_s, np.diff(starts, append=len(place)), axis=1)
        rows = np.where(is_best, np.arange(start, start + len(place)), start + len(place))
        self.rows[machine, places[group]] = np.minimum.reduceat(rows, starts, axis=1)[machine, group]
        self.step_s[machine, places[group]] = best_s[machine, group]


def _united(each: Sequence[Collection[int]]) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """All numbers that are among any of these, smallest first, and which of them each has: shape (each, numbers)."""
    place = {number: place for place, number in enumerate(sorted(set().union(*each)))}
    has = np.zeros((len(each), len(place)), dtype=np.bool_)
    for row, numbers in zip(has, each, strict=True):
        row[[place[number] for number in numbers]] = True
    return np.array(list(place), dtype=np.int64), has


def _rates_along(rates: Sequence[Rates], shape: tuple[int, ...]) -> Rates:
    """The rates of machines as arrays of a shape; what they have in common stays one number."""
    fields = [[getattr(one, name) for one in rates] for name in Rates.__slots__]
    return Rates(*(values[0] if len(set(values)) == 1 else np.array(values).reshape(shape) for values in fields))


def _offloading_is_slower(shape: Shape, rates: Rates) -> bool:
    """Whether states in the host's memory take longer to update on each of the machines, whatever the layout."""
    return shape.optimizer_flops == 0 and bool(np.all(rates.memory >= rates.host_memory))


def layout_space(
    workload: Workload, machine: Machine, device_counts: Iterable[int], constants: Constants | None = None
) -> LayoutSpace:
    """Every layout of the device counts on nodes like those of the machine, on which the runtime takes as much."""
    constants = constants or packaged_constants()
    architecture, training = workload.architecture, workload.training
    software = software_for(training)
    shape = shape_of(architecture, training)
    # Of the rates, memory depends on none that machines with such nodes differ in.
    rates = rates_of(machine, software, constants)
    blocks = tuple(layout_blocks(architecture, training, nodes_of(machine), device_counts, sequence_parallel=(1,)))
    needed_bytes = tuple(memory_bytes(shape, rates, block) for block in blocks)
    columns, choices, block_of_column = columns_and_choices(blocks)
    return LayoutSpace(
        workload=workload,
        software=software,
        constants=constants,
        shape=shape,
        memory_bytes=needed_bytes,
        columns=columns,
        choices=choices,
        devices=columns[: EVEN_COLUMNS.index("data") + 1].prod(axis=0).astype(np.int64),
        layouts=np.array([one[..., 0].size for one in needed_bytes], dtype=np.int64)[block_of_column],
        least_bytes=np.concatenate([np.zeros(0), *(one.min(axis=(0, 1, 2, 3)) for one in needed_bytes)]),
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
    return layout_space(workload, machine, counts, constants).on(machine, counts)


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
        step_time_spread(workload.architecture, workload.training, machine, constants),
    )


def kept_by_definition(fits: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Of recomputations (first axis) and offloads (third axis), which take longer the later they come, those that fit
    where none before them does in both."""
    kept = earliest_recomputations(fits)
    kept[:, :, 1:] &= ~fits[:, :, :1]
    return kept


def earliest_recomputations(fits: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Of recomputations (first axis) those that fit where none before them does."""
    earliest = fits.copy()
    earliest[1:] &= ~np.logical_or.accumulate(fits[:-1])
    return earliest


def _only(parts: Mapping[str, FloatArray], index: int) -> dict[str, float]:
    return {name: float(values[index]) for name, values in parts.items()}
