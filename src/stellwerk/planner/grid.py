"""Many layouts as arrays: one row a layout, one column a choice."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from stellwerk.planner.model import Layout, Recomputation, Sharding
from stellwerk.planner.shape import Shape

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Columns = TypeVar("Columns")

SHARDINGS: tuple[Sharding, ...] = ("none", "optimizer", "gradients", "full", "hybrid")

RECOMPUTATIONS: tuple[Recomputation, ...] = ("none", "selective", "full")

REPLICATED, OPTIMIZER_SHARDED, GRADIENTS_SHARDED, FULLY_SHARDED, HYBRID_SHARDED = range(len(SHARDINGS))
"""Indices into ``SHARDINGS``."""

NO_RECOMPUTATION, SELECTIVE_RECOMPUTATION, FULL_RECOMPUTATION = range(len(RECOMPUTATIONS))
"""Indices into ``RECOMPUTATIONS``."""


@dataclass(frozen=True)
class LayoutGrid:
    """Many layouts, one array per choice; the arrays broadcast to ``shape``.

    All hold whole numbers as floats, which is what the formulas calculate with. ``sharding`` and ``recomputation`` are
    indices into ``SHARDINGS`` and ``RECOMPUTATIONS``, ``sequence_parallel``, ``offload`` and ``balanced`` 0 or 1.
    """

    tensor: FloatArray
    pipeline: FloatArray
    context: FloatArray
    data: FloatArray
    expert: FloatArray
    interleave: FloatArray
    micro_batch: FloatArray
    micro_batches: FloatArray
    sequence_parallel: FloatArray
    sharding: FloatArray
    recomputation: FloatArray
    offload: FloatArray
    balanced: FloatArray

    @functools.cached_property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(getattr(self, name).shape for name in COLUMNS))

    def __len__(self) -> int:
        return math.prod(self.shape)

    @functools.cached_property
    def whole(self) -> tuple[FloatArray, ...]:
        """The columns in their order, as (read-only) arrays of the grid's shape."""
        return tuple(np.broadcast_to(getattr(self, name), self.shape) for name in COLUMNS)

    @functools.cached_property
    def devices(self) -> IntArray:
        return (self.tensor * self.pipeline * self.context * self.data).astype(np.int64)

    @functools.cached_property
    def ranks(self) -> FloatArray:
        """Which hold the same weights."""
        return self.data * self.context

    @functools.cached_property
    def expert_shards(self) -> FloatArray:
        """Over how many ranks of a stage the routed experts are spread: expert-parallel ones, or the tensor-parallel
        ones where there are none."""
        return np.where(self.expert > 1, self.expert, self.tensor)

    def row(self, index: int) -> Layout:
        """One layout by its place, counted in C order over ``shape``."""
        choice = {name: int(column.item(index)) for name, column in zip(COLUMNS, self.whole, strict=True)}
        return Layout(
            tensor=choice["tensor"],
            pipeline=choice["pipeline"],
            data=choice["data"],
            sharding=SHARDINGS[choice["sharding"]],
            micro_batch=choice["micro_batch"],
            micro_batches=choice["micro_batches"],
            recomputation=RECOMPUTATIONS[choice["recomputation"]],
            context=choice["context"],
            expert=choice["expert"],
            interleave=choice["interleave"],
            sequence_parallel=bool(choice["sequence_parallel"]),
            offload=bool(choice["offload"]),
            balanced=bool(choice["balanced"]),
        )


COLUMNS = tuple(field.name for field in fields(LayoutGrid))


def grid_of(layouts: Iterable[Layout]) -> LayoutGrid:
    """A grid that holds the given layouts in their order."""
    rows = list(layouts)

    def column(values: Iterable[float]) -> FloatArray:
        return np.fromiter(values, dtype=np.float64, count=len(rows))

    return LayoutGrid(
        tensor=column(row.tensor for row in rows),
        pipeline=column(row.pipeline for row in rows),
        context=column(row.context for row in rows),
        data=column(row.data for row in rows),
        expert=column(row.expert for row in rows),
        interleave=column(row.interleave for row in rows),
        micro_batch=column(row.micro_batch for row in rows),
        micro_batches=column(row.micro_batches for row in rows),
        sequence_parallel=column(row.sequence_parallel for row in rows),
        sharding=column(SHARDINGS.index(row.sharding) for row in rows),
        recomputation=column(RECOMPUTATIONS.index(row.recomputation) for row in rows),
        offload=column(row.offload for row in rows),
        balanced=column(row.balanced for row in rows),
    )


def stage_layers(shape: Shape, grid: LayoutGrid) -> FloatArray:
    """Layers on the fullest pipeline stage; where they cannot be spread evenly, the first stages take one more."""
    layers: FloatArray = np.ceil(shape.layers / grid.pipeline)
    if not grid.balanced.any():
        return layers
    return np.where(_cut_by_cost(grid), _layers_before(shape, grid, np.ones(1)), layers)


def last_stage_layers(shape: Shape, grid: LayoutGrid) -> FloatArray:
    """Layers on the last stage, which works out the logits besides."""
    layers: FloatArray = np.floor(shape.layers / grid.pipeline)
    if not grid.balanced.any():
        return layers
    return np.where(_cut_by_cost(grid), shape.layers - _layers_before(shape, grid, grid.pipeline - 1.0), layers)


def _cut_by_cost(grid: LayoutGrid) -> npt.NDArray[np.bool_]:
    return (grid.balanced > 0) & (grid.pipeline > 1)


def _layers_before(shape: Shape, grid: LayoutGrid, stages: FloatArray) -> FloatArray:
    """Layers on the first ``stages`` stages where each takes layers until it has gone beyond its share of all
    multiply-adds (nanotron, ``NanotronModel.build_model``)."""
    head_in_layers = shape.hidden * shape.vocab / (shape.products + shape.expert_products)
    share = stages * (shape.layers + head_in_layers) / grid.pipeline
    return np.minimum(np.floor(share) + 1.0, shape.layers)


def take_rows(columns: Columns, chosen: npt.NDArray[np.bool_] | IntArray | slice) -> Columns:
    """The rows of a dataclass of columns for which a mask (shape (n,)) is true, or those at the given places.

    Its fields are arrays of shape (n,), dataclasses like it, and values that hold for all rows.
    """
    names = [field.name for field in fields(columns)]  # type: ignore[arg-type]
    return type(columns)(*[_taken(getattr(columns, name), chosen) for name in names])


def _taken(column: Any, chosen: npt.NDArray[np.bool_] | IntArray | slice) -> Any:
    if isinstance(column, np.ndarray):
        return column[chosen]
    return take_rows(column, chosen) if is_dataclass(column) else column


def joined(grids: Sequence[LayoutGrid]) -> LayoutGrid:
    """Grids of shape (n,) one after the other."""
    if not grids:
        return grid_of(())
    return LayoutGrid(*(np.concatenate([getattr(one, name) for one in grids]) for name in COLUMNS))


def flattened(grid: LayoutGrid) -> LayoutGrid:
    """The same layouts as arrays of shape (n,)."""
    return LayoutGrid(*(column.ravel() for column in grid.whole))


def values_at(grid: LayoutGrid, rows: IntArray) -> FloatArray:
    """The layouts at these places, counted in C order over the grid's shape: an array of shape (columns, rows)."""
    places = np.unravel_index(rows, grid.shape)
    return np.array([_at(getattr(grid, name), places) for name in COLUMNS])


def _at(column: FloatArray, places: tuple[IntArray, ...]) -> FloatArray:
    if column.shape == (1,) * len(places):
        return np.full(places[0].shape, column.flat[0])
    chosen: FloatArray = column[tuple(at if size != 1 else 0 for at, size in zip(places, column.shape, strict=True))]
    return chosen


def spread(parts: Mapping[str, FloatArray], shape: tuple[int, ...]) -> dict[str, FloatArray]:
    """The parts as (read-only) arrays of one shape, to which they broadcast."""
    return {name: values if values.shape == shape else np.broadcast_to(values, shape) for name, values in parts.items()}


def total(parts: Mapping[str, FloatArray]) -> FloatArray:
    """The sum of parts that broadcast to each other; small ones are added up first."""
    whole, *others = sorted(parts.values(), key=np.size)
    for one in others:
        whole = whole + one
    return whole
