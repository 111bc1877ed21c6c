"""Time that one micro-batch computes on the slowest pipeline stage (docs/formulas/step-time.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stellwerk.planner.layouts import (
    FULL_RECOMPUTATION,
    SELECTIVE_RECOMPUTATION,
    FloatArray,
    IntArray,
    LayoutGrid,
    stage_layers,
)
from stellwerk.planner.model import Machine
from stellwerk.planner.weights import NF4_BYTES, SIXTEEN_BIT_BYTES, matrix_parameters
from stellwerk.planner.widths import LayerWidths, layer_widths
from stellwerk.workload import Architecture, Experts, Training, adapter_parameters, flops_per_token

# Fitted on published dense pre-training runs; docs/formulas/step-time.md says how, and with what error.
MATMUL_SHARE = 0.74
"""Of the best matrix-product rate, reached by the large products of a training step."""
HALF_RATE_BALANCES = 1.4
"""The narrowest side of a product at which half of that rate is reached, in units of the machine balance
(matrix rate over memory bandwidth, FLOPs per byte)."""
ATTENTION_SHARE = 0.48
"""Of the best matrix-product rate, reached by fused attention with a head dimension of 96."""
MEMORY_SHARE = 0.76
"""Of the memory bandwidth, reached by element-wise kernels."""

ATTENTION_HALF_RATE_HEAD_DIM = 32.0
ATTENTION_BACKWARD_PASSES = 2.5
"""Fused attention recomputes the scores backwards: five products instead of two (Dao 2023, section 3.1)."""
LOGITS_TRAFFIC_BYTES = 20.0
"""Per token and vocabulary entry: the soft-max and its gradient in fp32, read and written."""


@dataclass(frozen=True, slots=True)
class MicroBatchCompute:
    """Seconds per micro-batch, forward and backward together; arrays of shape (n,)."""

    matrix_products: FloatArray
    attention: FloatArray
    memory_bound: FloatArray
    recomputation: FloatArray
    overhead: FloatArray

    @property
    def total(self) -> FloatArray:
        return self.matrix_products + self.attention + self.memory_bound + self.recomputation + self.overhead


def micro_batch_compute(
    architecture: Architecture, training: Training, machine: Machine, grid: LayoutGrid
) -> MicroBatchCompute:
    """What one micro-batch costs on the last stage, which also holds the output head."""
    a = architecture
    layers = stage_layers(a, grid)
    tokens = (grid.micro_batch * training.sequence_length).astype(np.float64)
    widths = layer_widths(a)
    inner_matrices = 2 if a.gated_mlp else 1
    flops = flops_per_token(a, training.sequence_length)
    layer_matmul_flops = (flops.query_key_value + flops.attention_output + flops.mlp) / a.layers
    layer_attention_flops = (flops.attention_scores + flops.attention_values) / a.layers

    passes = np.where(grid.recomputation == FULL_RECOMPUTATION, 4.0 / 3.0, 1.0).astype(np.float64)
    layer_rate = matmul_rate(machine, np.minimum(np.minimum(a.hidden, widths.ffn / grid.tensor), tokens))
    attention_rate = machine.attention_flops or machine.matmul_flops * ATTENTION_SHARE * _head_dim_factor(a, widths)
    memory_rate = machine.memory_bandwidth_bytes_per_s * MEMORY_SHARE

    forward_matmul = layers * tokens * layer_matmul_flops / grid.tensor / layer_rate
    if a.experts:
        expert_rate = matmul_rate(machine, _narrowest_of_experts(a.hidden, a.experts, grid, tokens))
        forward_matmul += layers * tokens * (flops.experts / a.layers) / grid.tensor / expert_rate
    logits_matmul = tokens * flops.logits / grid.tensor / layer_rate
    forward_attention = layers * tokens * layer_attention_flops / grid.tensor / attention_rate
    # Elements of 2 bytes that the kernels between the products read and write.
    layer_traffic_bytes = 2.0 * (
        14 * a.hidden
        + 2 * (widths.query + widths.attention_output)
        + 3 * widths.key_value
        + 4 * (widths.latent + widths.dispatched)  # a norm; the way to the experts and back
        + (3 * inner_matrices + 2) * widths.ffn
    )
    forward_memory = layers * tokens * layer_traffic_bytes / grid.tensor / memory_rate
    forward_adapters = _forward_adapters_s(a, training, machine, layers, tokens)
    dequantised = _dequantisation_s(a, training, memory_rate, layers)
    logits_memory = tokens * a.vocab * LOGITS_TRAFFIC_BYTES / grid.tensor / memory_rate

    full, selective = grid.recomputation == FULL_RECOMPUTATION, grid.recomputation == SELECTIVE_RECOMPUTATION
    repeated = forward_matmul + forward_adapters + forward_attention + forward_memory + dequantised
    # Frozen matrices take the gradient of their input backward, and no gradient of their own.
    frozen_passes = 2.0 if training.trains_adapters else 3.0
    # Selective recomputation repeats the norms and the activation function: about 0.4 of the memory-bound traffic.
    return MicroBatchCompute(
        matrix_products=frozen_passes * (forward_matmul + logits_matmul) + 3.0 * forward_adapters,
        attention=(1.0 + ATTENTION_BACKWARD_PASSES) * forward_attention,
        memory_bound=3.0 * forward_memory + logits_memory + 2.0 * dequantised,
        recomputation=np.select([full, selective], [repeated, 0.4 * forward_memory], 0.0),
        overhead=machine.layer_overhead_s * layers * passes,
    )


def memory_rate_bytes_per_s(machine: Machine) -> float:
    """What element-wise kernels reach of the memory bandwidth."""
    return machine.memory_bandwidth_bytes_per_s * MEMORY_SHARE


def _narrowest_of_experts(hidden: int, experts: Experts, grid: LayoutGrid, tokens: FloatArray) -> FloatArray:
    """Narrowest side of the routed experts' products: one expert is narrow, and sees its share of the tokens only."""
    tokens_per_expert = tokens * experts.per_token / experts.routed
    return np.minimum(np.minimum(hidden, experts.ffn_hidden / grid.tensor), tokens_per_expert)


def matmul_rate(machine: Machine, narrowest: FloatArray) -> FloatArray:
    """FLOP/s of products with the given narrowest side: narrow ones are bound by memory."""
    balance = machine.matmul_flops / machine.memory_bandwidth_bytes_per_s
    rate: FloatArray = machine.matmul_flops * MATMUL_SHARE * narrowest / (narrowest + HALF_RATE_BALANCES * balance)
    return rate


def _forward_adapters_s(
    architecture: Architecture, training: Training, machine: Machine, layers: IntArray, tokens: FloatArray
) -> FloatArray:
    """Products of the adapters, whose rank is their narrowest side; each tensor-parallel rank does them whole."""
    if not training.trains_adapters:
        return np.zeros(len(tokens))
    parameters = layers * adapter_parameters(architecture, training.lora_rank) / architecture.layers
    return 2.0 * parameters * tokens / matmul_rate(machine, np.minimum(training.lora_rank, tokens))


def _dequantisation_s(
    architecture: Architecture, training: Training, memory_rate: float, layers: IntArray
) -> FloatArray:
    """Reading the matrices in 4 bits and writing them in 16, once."""
    if not training.freezes_in_four_bits:
        return np.zeros(len(layers))
    matrices = layers * matrix_parameters(architecture) / architecture.layers
    return matrices * (NF4_BYTES + SIXTEEN_BIT_BYTES) / memory_rate


def _head_dim_factor(architecture: Architecture, widths: LayerWidths) -> float:
    """Relative rate of fused attention by head dimension (the mean of queries' and values' where they differ); 1 at
    96, where the share was fitted around."""
    head_dim = (widths.query + widths.attention_output) / (2 * architecture.heads)
    return (head_dim / (head_dim + ATTENTION_HALF_RATE_HEAD_DIM)) / (96 / (96 + ATTENTION_HALF_RATE_HEAD_DIM))
