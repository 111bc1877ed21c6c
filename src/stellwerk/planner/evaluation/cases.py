"""Measured runs as the planner's formulas take them, one by one or many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from stellwerk.catalog import Accelerator
from stellwerk.planner.constants import Constants, Rates, rates_of
from stellwerk.planner.evaluation.described import DescribedRun
from stellwerk.planner.evaluation.model import Unscored
from stellwerk.planner.layouts import MICRO_BATCHES, grid_of, total
from stellwerk.planner.machines import machine_of_run
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.model import Layout, Machine
from stellwerk.planner.search import USABLE_MEMORY_SHARE
from stellwerk.planner.shape import Shape, shape_of
from stellwerk.planner.step import step_parts

Columns = TypeVar("Columns")

NETWORK_ASSUMED_BYTES_PER_S = 25e9
"""Per device, where neither the run nor its accelerator's reference system says: 200 Gbit/s."""


@dataclass(frozen=True, slots=True)
class Case:
    """A run with the machine that it ran on."""

    described: DescribedRun
    layout: Layout
    """With the micro-batch that is fastest and fits, where the run does not say which it was."""
    machine: Machine
    shape: Shape
    assumed: tuple[str, ...]


def case_of(
    described: DescribedRun,
    accelerators: Mapping[str, Accelerator],
    constants: Constants,
    machine: Machine | None = None,
) -> Case | Unscored:
    """The run on its machine, or what keeps it from being scored. ``accelerators`` are the catalogue's, by id.

    ``machine`` is the one that the run was made on; None: as the run states it.
    """
    machine = machine or machine_of_run(described.run, accelerators)
    if machine is None:
        return Unscored("accelerator_rates_unknown")
    assumed = described.assumed
    if described.layout.devices > machine.devices_per_node and machine.network_bytes_per_s is None:
        machine = replace(machine, network_bytes_per_s=NETWORK_ASSUMED_BYTES_PER_S)
        assumed = (*assumed, "a network of 200 Gbit/s for each device")
    shape = shape_of(described.architecture, described.training, fused_attention=described.fused_attention)
    layout = described.layout
    if described.run.micro_batch is None:
        layout = _fastest_micro_batch(layout, shape, rates_of(machine, described.software, constants), machine)
    return Case(described, layout, machine, shape, assumed)


def stacked(objects: Sequence[Columns]) -> Columns:
    """Dataclasses of numbers as one of arrays, shape (n,)."""
    kind = type(objects[0])
    names: tuple[str, ...] = kind.__slots__  # type: ignore[attr-defined]
    return kind(*(np.array([getattr(one, name) for one in objects], dtype=np.float64) for name in names))


def _fastest_micro_batch(layout: Layout, shape: Shape, rates: Rates, machine: Machine) -> Layout:
    sequences = layout.micro_batch * layout.micro_batches
    tried = [
        replace(layout, micro_batch=size, micro_batches=sequences // size)
        for size in MICRO_BATCHES
        if sequences % size == 0
    ]
    grid = grid_of(tried)
    memory_bytes = total(memory_parts(shape, rates, grid))
    seconds = total(step_parts(shape, rates, grid))
    fits = memory_bytes <= USABLE_MEMORY_SHARE * machine.memory_bytes
    return tried[int(np.argmin(np.where(fits, seconds, np.inf)))] if fits.any() else tried[0]
