"""Memory of the fullest device, by part. The formulas are explained in docs/formulas/memory.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stellwerk.planner.constants import Rates
from stellwerk.planner.layouts import (
    FULL_RECOMPUTATION,
    FULLY_SHARDED,
    GRADIENTS_SHARDED,
    HYBRID_SHARDED,
    NO_RECOMPUTATION,
    REPLICATED,
    FloatArray,
    LayoutGrid,
    last_stage_layers,
    spread,
    stage_layers,
    total,
)
from stellwerk.planner.shape import Number, Shape

MEMORY_PARTS = ("weights", "gradients", "optimizer", "activations", "logits", "runtime")

MASTER_BYTES = 4.0
"""Of a weight in 32 bits; fully sharded, it takes the place of the 16-bit copy, otherwise it is the optimizer's."""
GATHERED_BYTES = 2.0
GATHERED_LAYERS = 2.0
"""The layer in use and the one that is prefetched (Zhao et al. 2023, section 3)."""
ACTIVATION_BYTES = 2.0
STATISTICS_BYTES = 4.0
"""Per token and head: what fused attention keeps of the soft-max."""
SCORE_BYTES = 5.0
"""Per score that attention stores where it is not fused: soft-max and dropout in 16 bits, and the dropout's mask
(Korthikanti et al. 2022, section 4.1)."""


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


def memory_parts(shape: Shape, rates: Rates, grid: LayoutGrid) -> dict[str, FloatArray]:
    """Bytes on the fullest device for each layout of ``grid``; keys ``MEMORY_PARTS``, arrays of the grid's shape.

    Of a pipeline, the first stage (most micro-batches in flight, and the embedding) and the last one (the output
    head and the logits) are worked out; the larger total counts.
    """
    first, last = _parts_of_ends(shape, rates, grid)
    parts = first
    if last is not first:
        first_is_fuller = (total(first) >= total(last)).astype(np.float64)
        # Four times as fast as to pick them one by one.
        parts = {name: first_is_fuller * (first[name] - last[name]) for name in first}
        for name, part in parts.items():
            part += last[name]
    parts["runtime"] = np.asarray(rates.runtime, dtype=np.float64)
    return spread({name: parts[name] for name in MEMORY_PARTS}, grid.shape)


def memory_bytes(shape: Shape, rates: Rates, grid: LayoutGrid) -> FloatArray:
    """The sum of ``memory_parts``, which takes less than they do."""
    first, last = _parts_of_ends(shape, rates, grid)
    first["runtime"] = np.asarray(rates.runtime, dtype=np.float64)
    if last is first:
        return total(first)
    last["runtime"] = first["runtime"]
    return np.maximum(total(first), total(last))


def _parts_of_ends(shape: Shape, rates: Rates, grid: LayoutGrid) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Bytes on the first stage and on the last one, less the runtime's; one and the same where no layout has stages."""
    single = grid.pipeline == 1
    shards, one_layer = shards_of(rates, grid), one_layer_of(shape, grid)
    tokens = tokens_of_micro_batch(shape, grid)
    layer_bytes, in_use_bytes = _activation_bytes(shape, rates, grid)
    logits = rates.logit_memory * tokens * shape.vocab / grid.tensor
    whole = shape.embedding + shape.own_head
    whole_entries = shape.embedding_entries + shape.own_head_entries

    def of_stage(
        layers: FloatArray, end: Number, entries: Number, in_flight: FloatArray, own_logits: FloatArray
    ) -> dict[str, FloatArray]:
        held = held_by_device(
            shape, grid, layers, np.where(single, whole, end), np.where(single, whole_entries, entries)
        )
        return {
            **_state_parts(shape, grid, held, one_layer, shards),
            "activations": (tokens * layers * in_flight) * layer_bytes + tokens * in_use_bytes,
            "logits": own_logits,
        }

    first = of_stage(
        stage_layers(shape, grid),
        shape.embedding,
        shape.embedding_entries,
        micro_batches_in_flight(grid),
        np.where(single, logits, 0.0),
    )
    if single.all():
        return first, first
    last = of_stage(last_stage_layers(shape, grid), shape.head, shape.head_entries, last_in_flight(grid), logits)
    return first, last


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


def _state_parts(shape: Shape, grid: LayoutGrid, held: Held, layer: Held, shards: Shards) -> dict[str, FloatArray]:
    """Weights, gradients and optimizer states of what is ``held`` per device.

    Only what is trained has gradients and optimizer states; frozen weights are sharded where all is.
    """
    fully = grid.sharding >= FULLY_SHARDED
    all_trained = held.trained + held.experts
    shard = held.trained / shards.ranks + held.experts / shards.expert_ranks
    # A pipeline stage gathers its weights once a step and keeps them, and its gradients, until the last micro-batch.
    staged = grid.pipeline > 1
    gathered_layer = GATHERED_BYTES * (layer.trained + layer.experts)
    gathered = np.where(
        staged,
        GATHERED_BYTES * all_trained + held.frozen_bytes,
        GATHERED_LAYERS * (gathered_layer + layer.frozen_bytes),
    )
    gradients = np.where(
        fully,
        shape.gradient_bytes * shard + np.where(staged, shape.gradient_bytes * all_trained, gathered_layer),
        # Before they are sharded, the gradients of one layer exist whole.
        shape.gradient_bytes
        * np.where(
            grid.sharding == GRADIENTS_SHARDED,
            np.minimum(shard + layer.trained + layer.experts, all_trained),
            all_trained,
        ),
    )
    states = np.where(fully, shape.sharded_state_bytes, shape.state_bytes)
    on_device = 1.0 - grid.offload
    return {
        "weights": GATHERED_BYTES * shape.in_use_entries
        + np.where(
            fully,
            MASTER_BYTES * shard + held.frozen_bytes / shards.ranks + gathered,
            shape.weight_bytes * all_trained + held.frozen_bytes,
        ),
        "gradients": gradients,
        "optimizer": on_device * states * np.where(grid.sharding == REPLICATED, all_trained, shard),
    }


def _activation_bytes(shape: Shape, rates: Rates, grid: LayoutGrid) -> tuple[FloatArray, FloatArray]:
    """Per token: kept of each layer until its backward pass, and of the one that is worked out again.

    Korthikanti et al. 2022, section 4. Of experts, those count that a token is sent to; layers that differ count with
    their mean.
    """
    whole_share = np.where(grid.sequence_parallel > 0, 1.0 / grid.tensor, 1.0)
    scores = (STATISTICS_BYTES + (1.0 - shape.fused_attention) * SCORE_BYTES * shape.sequence) * shape.heads
    kept = ACTIVATION_BYTES * (shape.kept_whole * whole_share + shape.kept_shared / grid.tensor)
    recomputable = (
        ACTIVATION_BYTES * (shape.recomputable_whole * whole_share + shape.recomputable_shared / grid.tensor)
        + scores / grid.tensor
    )
    everything = rates.activation_factor * (kept + recomputable)
    inputs = ACTIVATION_BYTES * shape.hidden * whole_share
    per_layer = np.where(
        grid.recomputation == NO_RECOMPUTATION,
        everything,
        np.where(
            grid.recomputation == FULL_RECOMPUTATION,
            inputs,
            rates.activation_factor * (rates.selective_kept * kept + STATISTICS_BYTES * shape.heads / grid.tensor),
        ),
    )
    # With recomputation one layer's activations exist in full while its backward pass runs.
    return per_layer, np.where(grid.recomputation == FULL_RECOMPUTATION, everything, 0.0)
