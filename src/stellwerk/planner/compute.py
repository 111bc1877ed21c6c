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
class Products:
    """Matrix products of one micro-batch forward; arrays of shape (n,)."""

    flops: FloatArray
    narrowest: FloatArray
    """Their narrowest side, which sets the rate."""

    def seconds(self, machine: Machine) -> FloatArray:
        return self.flops / matmul_rate(machine, self.narrowest)


@dataclass(frozen=True, slots=True)
class MicroBatchWork:
    """What one micro-batch asks of the slowest stage, whatever the machine; arrays of shape (n,), forward only."""

    layers: Products
    experts: Products | None
    adapters: Products | None
    logits_flops: FloatArray
    """Of the output head, at the rate of the layers."""
    attention_flops: FloatArray
    layer_traffic_bytes: FloatArray
    """Read and written by the kernels between the products."""
    dequantised_bytes: FloatArray
    logits_traffic_bytes: FloatArray
    launched_layers: FloatArray
    """Layers whose kernels are started, those of recomputation included."""
    repeated: FloatArray
    """How much of the layers is computed again backward."""
    repeated_traffic: FloatArray
    """The same of their element-wise kernels alone."""
    head_dim_factor: float
    """Relative rate of fused attention."""
    frozen_passes: float
    """Passes through the matrices that the workload starts from."""


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


def micro_batch_work(architecture: Architecture, training: Training, grid: LayoutGrid) -> MicroBatchWork:
    """What one micro-batch asks of the last stage, which also holds the output head."""
    a = architecture
    layers = stage_layers(a, grid)
    tokens = (grid.micro_batch * training.sequence_length).astype(np.float64)
    widths = layer_widths(a)
    inner_matrices = 2 if a.gated_mlp else 1
    flops = flops_per_token(a, training.sequence_length)
    tokens_of_layers = layers * tokens / grid.tensor
    layer_matmul_flops = (flops.query_key_value + flops.attention_output + flops.mlp) / a.layers
    layer_attention_flops = (flops.attention_scores + flops.attention_values) / a.layers
    # Elements of 2 bytes that the kernels between the products read and write.
    layer_traffic_bytes = 2.0 * (
        14 * a.hidden
        + 2 * (widths.query + widths.attention_output)
        + 3 * widths.key_value
        + 4 * (widths.latent + widths.dispatched)  # a norm; the way to the experts and back
        + (3 * inner_matrices + 2) * widths.ffn
    )
    full, selective = grid.recomputation == FULL_RECOMPUTATION, grid.recomputation == SELECTIVE_RECOMPUTATION
    return MicroBatchWork(
        layers=Products(
            flops=tokens_of_layers * layer_matmul_flops,
            narrowest=np.minimum(np.minimum(a.hidden, widths.ffn / grid.tensor), tokens),
        ),
        experts=Products(
            flops=tokens_of_layers * (flops.experts / a.layers),
            narrowest=_narrowest_of_experts(a.hidden, a.experts, grid, tokens),
        )
        if a.experts
        else None,
        adapters=_adapters(a, training, layers, tokens) if training.trains_adapters else None,
        logits_flops=tokens * flops.logits / grid.tensor,
        attention_flops=tokens_of_layers * layer_attention_flops,
        layer_traffic_bytes=tokens_of_layers * layer_traffic_bytes,
        dequantised_bytes=_dequantised_bytes(a, training, layers),
        logits_traffic_bytes=tokens * a.vocab * LOGITS_TRAFFIC_BYTES / grid.tensor,
        launched_layers=(layers * np.where(full, 4.0 / 3.0, 1.0)).astype(np.float64),
        repeated=np.where(full, 1.0, 0.0),
        # Selective recomputation repeats the norms and the activation function: about 0.4 of the memory-bound traffic.
        repeated_traffic=np.where(selective, 0.4, 0.0),
        head_dim_factor=_head_dim_factor(a, widths),
        # Frozen matrices take the gradient of their input backward, and no gradient of their own.
        frozen_passes=2.0 if training.trains_adapters else 3.0,
    )


def micro_batch_compute(work: MicroBatchWork, machine: Machine) -> MicroBatchCompute:
    """What that costs on a machine."""
    layer_rate = matmul_rate(machine, work.layers.narrowest)
    attention_rate = machine.attention_flops or machine.matmul_flops * ATTENTION_SHARE * work.head_dim_factor
    memory_rate = memory_rate_bytes_per_s(machine)

    matrices = work.layers.flops / layer_rate
    if work.experts:
        matrices = matrices + work.experts.seconds(machine)
    adapters = work.adapters.seconds(machine) if work.adapters else 0.0
    attention = work.attention_flops / attention_rate
    traffic = work.layer_traffic_bytes / memory_rate
    dequantised = work.dequantised_bytes / memory_rate
    logits = work.logits_flops / layer_rate
    repeated = matrices + adapters + attention + traffic + dequantised
    return MicroBatchCompute(
        matrix_products=work.frozen_passes * (matrices + logits) + 3.0 * adapters,
        attention=(1.0 + ATTENTION_BACKWARD_PASSES) * attention,
        memory_bound=3.0 * traffic + work.logits_traffic_bytes / memory_rate + 2.0 * dequantised,
        recomputation=work.repeated * repeated + work.repeated_traffic * traffic,
        overhead=machine.layer_overhead_s * work.launched_layers,
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


def _adapters(architecture: Architecture, training: Training, layers: IntArray, tokens: FloatArray) -> Products:
    """Products of the adapters, whose rank is their narrowest side; each tensor-parallel rank does them whole."""
    parameters = layers * adapter_parameters(architecture, training.lora_rank) / architecture.layers
    return Products(flops=2.0 * parameters * tokens, narrowest=np.minimum(training.lora_rank, tokens))


def _dequantised_bytes(architecture: Architecture, training: Training, layers: IntArray) -> FloatArray:
    """Of the matrices in 4 bits, read, and written in 16, once."""
    if not training.freezes_in_four_bits:
        return np.zeros(len(layers))
    return layers * matrix_parameters(architecture) / architecture.layers * (NF4_BYTES + SIXTEEN_BIT_BYTES)


def _head_dim_factor(architecture: Architecture, widths: LayerWidths) -> float:
    """Relative rate of fused attention by head dimension (the mean of queries' and values' where they differ); 1 at
    96, where the share was fitted around."""
    head_dim = (widths.query + widths.attention_output) / (2 * architecture.heads)
    return (head_dim / (head_dim + ATTENTION_HALF_RATE_HEAD_DIM)) / (96 / (96 + ATTENTION_HALF_RATE_HEAD_DIM))
