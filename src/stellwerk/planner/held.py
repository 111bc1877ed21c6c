"""What each device of a stage holds, and over how many others it is spread; memory and time both start from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stellwerk.planner.constants import Rates
from stellwerk.planner.grid import HYBRID_SHARDED, FloatArray, LayoutGrid
from stellwerk.planner.shape import Number, Shape

GATHERED_BYTES = 2.0


@dataclass(frozen=True, slots=True)
class Held:
    """What a device of one stage holds before anything is sharded over the ranks that hold the same."""

    trained: FloatArray
    """Parameters with gradients and optimizer states, less those of routed experts."""
    experts: FloatArray
    """The same of its routed experts."""
    frozen_bytes: FloatArray


@dataclass(frozen=True, slots=True)
class Shards:
    """Over how many ranks the states are spread, where they are."""

    ranks: FloatArray
    expert_ranks: FloatArray
    """Those of routed experts."""


def held_by_device(shape: Shape, grid: LayoutGrid, layers: FloatArray, end: Number, end_entries: Number) -> Held:
    """Of ``layers`` layers on a stage and an ``end`` of the model (embedding, output head), what each device holds.

    Where only some layers have experts, a stage may hold as many of these as it has room for: the upper end, met where
    the dense layers stand together at the beginning, as DeepSeek's do. Adapters count whole on every tensor-parallel
    rank: one of the two matrices of each is there whole.
    """
    with_experts = np.minimum(layers, shape.layers * shape.expert_layers)
    dense, shards = layers - with_experts, grid.expert_shards
    split = dense * shape.dense_layer + with_experts * shape.other_layer + end
    frozen = dense * shape.dense_layer_frozen + with_experts * shape.other_layer_frozen
    return Held(
        trained=split / grid.tensor + layers * shape.adapters,
        experts=with_experts * shape.experts_of_layer / shards,
        frozen_bytes=(frozen + shape.frozen_end_bytes * end_entries) / grid.tensor
        + with_experts * shape.experts_frozen / shards,
    )


def held_on_stage(shape: Shape, grid: LayoutGrid, layers: FloatArray, end: Number, end_entries: Number) -> Held:
    """The same of a pipeline's stage; where there is only one, it has both ends of the model."""
    single = grid.pipeline == 1
    return held_by_device(
        shape,
        grid,
        layers,
        np.where(single, shape.embedding + shape.own_head, end),
        np.where(single, shape.embedding_entries + shape.own_head_entries, end_entries),
    )


def one_layer_of(shape: Shape, grid: LayoutGrid) -> Held:
    """The largest layer."""
    return held_by_device(shape, grid, np.ones(1), 0.0, 0.0)


def shards_of(rates: Rates, grid: LayoutGrid) -> Shards:
    """Hybrid sharding keeps within a node what it can."""
    ranks = grid.ranks
    expert_ranks = grid.tensor * ranks / grid.expert_shards
    hybrid = grid.sharding == HYBRID_SHARDED
    inside = np.maximum(np.floor(rates.devices_per_node / grid.tensor), 1.0)
    experts_inside = np.maximum(np.floor(rates.devices_per_node / grid.expert_shards), 1.0)
    return Shards(
        ranks=np.where(hybrid, np.minimum(ranks, inside), ranks),
        expert_ranks=np.where(hybrid, np.minimum(expert_ranks, experts_inside), expert_ranks),
    )


def tokens_of_micro_batch(shape: Shape, grid: LayoutGrid) -> FloatArray:
    """On each context-parallel rank."""
    return grid.micro_batch * shape.sequence / grid.context


def micro_batches_in_flight(grid: LayoutGrid) -> FloatArray:
    """On the first stage: one forward, one backward in turn (Narayanan et al. 2021, section 2.2.1), more with an
    interleaved schedule (Korthikanti et al. 2022, section 4.2.3)."""
    interleaved = grid.pipeline + (grid.pipeline - 1) / grid.interleave
    return np.minimum(np.where(grid.interleave > 1, interleaved, grid.pipeline), grid.micro_batches)


def last_in_flight(grid: LayoutGrid) -> FloatArray:
    """The same on the last stage, which waits for nobody."""
    interleaved = 1 + (grid.pipeline - 1) * (1 - 1 / grid.interleave)
    return np.minimum(interleaved, grid.micro_batches)
