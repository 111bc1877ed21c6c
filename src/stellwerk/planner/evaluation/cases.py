"""Measured runs as the planner's formulas take them, one by one or many at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from stellwerk.catalog import Accelerator
from stellwerk.planner.constants import Constants, Rates, rates_of
from stellwerk.planner.evaluation.described import DescribedRun
from stellwerk.planner.evaluation.model import Unscored
from stellwerk.planner.grid import grid_of, total
from stellwerk.planner.layouts import pieces_of_stage
from stellwerk.planner.machines import machine_of_run
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.model import Layout, Machine
from stellwerk.planner.search import USABLE_MEMORY_SHARE
from stellwerk.planner.shape import Shape, shape_of
from stellwerk.planner.step import step_parts

Columns = TypeVar("Columns")

MICRO_BATCHES = (1, 2, 4, 8, 16, 32)
"""That are tried where a run does not say its own."""
NETWORK_ASSUMED_BYTES_PER_S = 25e9
"""Per device, where neither the run nor its accelerator's reference system says: 200 Gbit/s."""


@dataclass(frozen=True, slots=True)
class Case:
    """A run with the machine that it ran on."""

    described: DescribedRun
    layout: Layout
    """With the micro-batch and interleaving that are fastest and fit, where the run does not say which they were."""
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
    tried = list(_left_open(described))
    if len(tried) > 1:
        layout = _fastest(tried, shape, rates_of(machine, described.software, constants), machine)
    return Case(described, layout, machine, shape, assumed)


def stacked(objects: Sequence[Columns]) -> Columns:
    """Dataclasses of numbers as one of arrays, shape (n,)."""
    kind = type(objects[0])
    names: tuple[str, ...] = kind.__slots__  # type: ignore[attr-defined]
    return kind(*(np.array([getattr(one, name) for one in objects], dtype=np.float64) for name in names))


def _left_open(described: DescribedRun) -> Iterator[Layout]:
    """The layouts that agree with what the run says."""
    layout, layers = described.layout, described.architecture.layers
    sequences = layout.micro_batch * layout.micro_batches
    sizes = MICRO_BATCHES if described.run.micro_batch is None else (layout.micro_batch,)
    for size in sizes:
        if sequences % size == 0:
            sized = replace(layout, micro_batch=size, micro_batches=sequences // size)
            yield sized
            if described.interleaves:
                pieces = pieces_of_stage(layers, layout.pipeline)[1:]
                yield from (
                    replace(sized, interleave=piece) for piece in pieces if sized.micro_batches % layout.pipeline == 0
                )


def _fastest(tried: Sequence[Layout], shape: Shape, rates: Rates, machine: Machine) -> Layout:
    grid = grid_of(tried)
    fits = total(memory_parts(shape, rates, grid)) <= USABLE_MEMORY_SHARE * machine.memory_bytes
    seconds = total(step_parts(shape, rates, grid))
    # The run did fit: where none of them seems to, the memory says nothing.
    return tried[int(np.argmin(np.where(fits, seconds, np.inf) if np.any(fits) else seconds))]
