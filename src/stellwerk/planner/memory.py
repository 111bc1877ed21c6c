"""Memory of the fullest device, by part. The formulas are explained in docs/formulas/memory.md."""

from __future__ import annotations

import numpy as np

from stellwerk.planner.constants import Rates
from stellwerk.planner.grid import (
    FULL_RECOMPUTATION,
    FULLY_SHARDED,
    GRADIENTS_SHARDED,
    NO_RECOMPUTATION,
    REPLICATED,
    FloatArray,
    LayoutGrid,
    last_stage_layers,
    spread,
    stage_layers,
    total,
)
from stellwerk.planner.held import (
    GATHERED_BYTES,
    Held,
    Shards,
    held_on_stage,
    last_in_flight,
    micro_batches_in_flight,
    one_layer_of,
    shards_of,
    tokens_of_micro_batch,
)
from stellwerk.planner.shape import Number, Shape

MEMORY_PARTS = ("weights", "gradients", "optimizer", "activations", "logits", "runtime")

MASTER_BYTES = 4.0
"""Of a weight in 32 bits; fully sharded, it takes the place of the 16-bit copy, otherwise it is the optimizer's."""
GATHERED_LAYERS = 2.0
"""The layer in use and the one that is prefetched (Zhao et al. 2023, section 3)."""
ACTIVATION_BYTES = 2.0
STATISTICS_BYTES = 4.0
"""Per token and head: what fused attention keeps of the soft-max."""
SCORE_BYTES = 5.0
"""Per score that attention stores where it is not fused: soft-max and dropout in 16 bits, and the dropout's mask
(Korthikanti et al. 2022, section 4.1)."""


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

    def of_stage(
        layers: FloatArray, end: Number, entries: Number, in_flight: FloatArray, own_logits: FloatArray
    ) -> dict[str, FloatArray]:
        held = held_on_stage(shape, grid, layers, end, entries)
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
