"""Memory of the fullest device, by part. The formulas are explained in docs/formulas/memory.md."""

from __future__ import annotations

import numpy as np

from stellwerk.planner.layouts import (
    FULL_RECOMPUTATION,
    FULLY_SHARDED,
    OPTIMIZER_SHARDED,
    SELECTIVE_RECOMPUTATION,
    FloatArray,
    IntArray,
    LayoutGrid,
    layer_parameters,
    stage_layer_parameters,
    stage_layers,
)
from stellwerk.planner.trainable import DeviceParameters, device_parameters
from stellwerk.planner.widths import layer_widths
from stellwerk.workload import Architecture, Training, count_parameters

MEMORY_PARTS = ("weights", "gradients", "optimizer", "activations", "logits", "runtime")

# Mixed precision with AdamW (Rajbhandari et al. 2020, section 3.1; gradients accumulate in fp32 as Megatron-LM does).
WEIGHT_BYTES = 2.0
GRADIENT_BYTES = 4.0
OPTIMIZER_BYTES = 12.0
# Fully sharded data parallel keeps the fp32 weights as the master copy and gathers 2-byte copies layer by layer.
FULLY_SHARDED_WEIGHT_BYTES = 4.0
FULLY_SHARDED_OPTIMIZER_BYTES = 8.0
GATHERED_LAYERS = 2.0
"""The layer in use and the one that is prefetched."""
# Adapters are kept in fp32, however they are sharded.
ADAPTER_WEIGHT_BYTES = 4.0
ADAPTER_OPTIMIZER_BYTES = 8.0

ACTIVATION_BYTES = 2.0
LOGITS_BYTES = 10.0
"""Per token and vocabulary entry: 2-byte logits, their fp32 copy, and the fp32 gradient."""


def memory_parts(
    architecture: Architecture, training: Training, runtime_bytes: float, grid: LayoutGrid
) -> dict[str, FloatArray]:
    """Bytes on the fullest device for each layout of ``grid``; arrays of shape (n,), keys ``MEMORY_PARTS``.

    Of a pipeline, the first stage (most micro-batches in flight, and the embedding) and the last one (the output
    head and the logits) are worked out; the larger total counts.
    """
    stages = grid.pipeline
    layers = stage_layers(architecture, grid)
    counts = count_parameters(architecture)
    single = stages == 1

    embedding = float(counts.embedding)
    # Tied embeddings live on both ends of a pipeline.
    head = float(counts.output_head) if not architecture.tied_embeddings else embedding
    own_head = 0.0 if architecture.tied_embeddings else head
    largest_layer = max(layer_parameters(architecture))
    stage = stage_layer_parameters(architecture, grid)

    first_parameters = stage + embedding + np.where(single, own_head, 0.0)
    last_parameters = stage + np.where(single, embedding + own_head, head)

    in_flight = np.minimum(stages, grid.micro_batches)
    first_activations = _activation_bytes(architecture, training, grid, in_flight)
    last_activations = _activation_bytes(architecture, training, grid, np.ones_like(stages))
    logits = LOGITS_BYTES * grid.micro_batch * training.sequence_length * architecture.vocab / grid.tensor

    first_held = device_parameters(architecture, training, grid, first_parameters, layers)
    last_held = device_parameters(architecture, training, grid, last_parameters, layers)
    one_layer = device_parameters(architecture, training, grid, largest_layer, 1)
    first = _state_parts(architecture, training, grid, first_held, one_layer)
    last = _state_parts(architecture, training, grid, last_held, one_layer)
    first |= {"activations": first_activations, "logits": np.where(single, logits, 0.0)}
    last |= {"activations": last_activations, "logits": logits}

    first_is_fuller = sum(first.values(), start=np.zeros(len(grid))) >= sum(last.values(), start=np.zeros(len(grid)))
    parts = {name: np.where(first_is_fuller, first[name], last[name]) for name in first}
    parts["runtime"] = np.full(len(grid), runtime_bytes)
    return {name: parts[name] for name in MEMORY_PARTS}


def _state_parts(
    architecture: Architecture, training: Training, grid: LayoutGrid, held: DeviceParameters, layer: DeviceParameters
) -> dict[str, FloatArray]:
    """Weights, gradients and optimizer states of what is ``held`` per device before data-parallel sharding.

    Only what is trained has gradients and optimizer states; frozen weights are sharded where all is.
    """
    fully = grid.sharding == FULLY_SHARDED
    optimizer_shards = np.where(grid.sharding == OPTIMIZER_SHARDED, grid.data, 1)
    shard = held.trained / grid.data
    adapters = training.trains_adapters
    weight_bytes = ADAPTER_WEIGHT_BYTES if adapters else WEIGHT_BYTES
    optimizer_bytes = ADAPTER_OPTIMIZER_BYTES if adapters else OPTIMIZER_BYTES
    gathered = GATHERED_LAYERS * (WEIGHT_BYTES * layer.trained + layer.frozen_bytes)
    # A matrix in 4 bits is turned into 16 bits right before its use, one at a time.
    in_use = WEIGHT_BYTES * _largest_matrix(architecture) if training.freezes_in_four_bits else 0.0
    return {
        "weights": in_use
        + np.where(
            fully,
            FULLY_SHARDED_WEIGHT_BYTES * shard + held.frozen_bytes / grid.data + gathered,
            weight_bytes * held.trained + held.frozen_bytes,
        ),
        "gradients": np.where(
            fully, GRADIENT_BYTES * shard + WEIGHT_BYTES * layer.trained, GRADIENT_BYTES * held.trained
        ),
        "optimizer": np.where(
            fully, FULLY_SHARDED_OPTIMIZER_BYTES * shard, optimizer_bytes * held.trained / optimizer_shards
        ),
    }


def _largest_matrix(architecture: Architecture) -> int:
    widths = layer_widths(architecture)
    return architecture.hidden * max(architecture.ffn_hidden, widths.query, widths.attention_output)


def _activation_bytes(
    architecture: Architecture,
    training: Training,
    grid: LayoutGrid,
    in_flight: IntArray,
) -> FloatArray:
    """Activations kept for the backward pass, with fused attention and sequence parallelism beside tensor
    parallelism (Korthikanti et al. 2022, section 4, without the attention scores that fused attention never stores).
    Of experts, those count that a token is sent to; layers that differ count with their mean.
    """
    tokens = grid.micro_batch * training.sequence_length / grid.tensor
    hidden, widths = architecture.hidden, layer_widths(architecture)
    up_projections = 2 if architecture.gated_mlp else 1

    attention = widths.latent + widths.query + widths.key_value + widths.attention_output
    kept_whole = hidden + attention + hidden + widths.dispatched + up_projections * widths.ffn
    # Normalised inputs and the product behind the activation.
    recomputable = 2 * hidden + widths.latent + widths.ffn
    softmax_statistics = 4.0 * architecture.heads
    layer_bytes = ACTIVATION_BYTES * (kept_whole + recomputable) + softmax_statistics
    selective_bytes = layer_bytes - ACTIVATION_BYTES * recomputable
    input_bytes = ACTIVATION_BYTES * hidden

    per_layer = np.select(
        [grid.recomputation == FULL_RECOMPUTATION, grid.recomputation == SELECTIVE_RECOMPUTATION],
        [input_bytes, selective_bytes],
        layer_bytes,
    )
    # With recomputation one layer's activations exist in full while its backward pass runs.
    working_set = np.where(grid.recomputation == FULL_RECOMPUTATION, layer_bytes, 0.0)
    return tokens * (per_layer * stage_layers(architecture, grid) * in_flight + working_set)
