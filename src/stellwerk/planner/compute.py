"""Time that one layer and the output head compute (docs/formulas/step-time.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stellwerk.planner.constants import Rates
from stellwerk.planner.grid import FULL_RECOMPUTATION, NO_RECOMPUTATION, FloatArray, LayoutGrid
from stellwerk.planner.shape import Number, Shape

FUSED_BACKWARD_PASSES = 2.5
"""Fused attention recomputes the scores backwards: five products instead of two (Dao 2023, section 3.1)."""
FUSED_FORWARD = 0.8
"""Time of a fused attention's forward pass, relative to its share of the operations of both passes: backwards an
operation takes 1.3 to 1.4 times as long (op_efficiency_measured.csv, sdp_fwd and sdp_bwd)."""
SELECTIVE_TRAFFIC = 0.4
"""Of the traffic between products is that of norms and activation function, which selective recomputation repeats."""


@dataclass(frozen=True, slots=True)
class LayerTimes:
    """Seconds of one mean layer for one micro-batch, forward and backward."""

    matrix_products: FloatArray
    attention: FloatArray
    memory_bound: FloatArray
    recomputation: FloatArray

    @property
    def total(self) -> FloatArray:
        return self.matrix_products + self.attention + self.memory_bound + self.recomputation


@dataclass(frozen=True, slots=True)
class HeadTimes:
    """Seconds of output head and loss for one micro-batch, forward and backward."""

    matrix_products: FloatArray
    memory_bound: FloatArray


def layer_times(shape: Shape, rates: Rates, grid: LayoutGrid, tokens: FloatArray) -> LayerTimes:
    """What ``tokens`` tokens take in one layer on each tensor-parallel rank."""
    rank_tokens = tokens / grid.tensor
    whole_tokens = np.where(grid.sequence_parallel > 0, rank_tokens, tokens)
    products = _products_s(shape, rates, grid, tokens)
    adapters = _adapters_s(shape, rates, tokens)
    attention, attention_passes = _attention_s(shape, rates, rank_tokens)
    traffic = (
        2.0 * rates.traffic_factor * (shape.whole_traffic * whole_tokens + shape.shared_traffic * rank_tokens)
        + rates.dispatch_bytes * shape.dispatched * rank_tokens
    ) / rates.memory
    dequantised = shape.dequantised / rates.memory
    forward = products + adapters + attention + traffic + dequantised
    last_product = products * (shape.last_products / (shape.products + shape.expert_products))
    repeated = forward - (1.0 - rates.last_repeated) * last_product
    repeated = repeated - shape.fused_attention * (1.0 - FUSED_FORWARD) * attention
    stored_attention = (1.0 - shape.fused_attention) * attention
    return LayerTimes(
        matrix_products=shape.passes * products + 3.0 * adapters,
        attention=attention_passes * attention,
        memory_bound=3.0 * traffic + 2.0 * dequantised,
        recomputation=np.where(
            grid.recomputation == NO_RECOMPUTATION,
            0.0,
            np.where(
                grid.recomputation == FULL_RECOMPUTATION,
                repeated,
                SELECTIVE_TRAFFIC * traffic + stored_attention + rates.selective_products * products,
            ),
        ),
    )


def head_times(shape: Shape, rates: Rates, grid: LayoutGrid, tokens: FloatArray) -> HeadTimes:
    """The logits, spread over the tensor-parallel ranks with the vocabulary, and their loss."""
    entries = tokens * shape.vocab / grid.tensor
    product = (
        2.0 * shape.hidden * entries / rates.matmul
        + 2.0 * (tokens * shape.hidden + entries + shape.vocab * shape.hidden / grid.tensor) / rates.matmul_traffic
    )
    return HeadTimes(matrix_products=shape.passes * product, memory_bound=rates.logit_bytes / rates.memory * entries)


def _products_s(shape: Shape, rates: Rates, grid: LayoutGrid, tokens: FloatArray) -> FloatArray:
    """Forward, routed experts included: the time of the operations and that of moving the operands, one after the other
    (the additive roofline fits measured products best)."""
    wide = 1.0 - shape.eight_bit - shape.four_bit
    seconds_per_flop = wide / rates.matmul + shape.eight_bit / rates.matmul_eight + shape.four_bit / rates.matmul_four
    slowness = 1.0 + shape.misaligned * (rates.misaligned_slowness - 1.0)
    operations = 2.0 * slowness * (shape.products + rates.expert_slowness * shape.expert_products) * seconds_per_flop
    # Operands come in the narrow format, results leave in 16 bits; two of three are operands.
    moved_share = 1.0 - shape.eight_bit / 3.0 - shape.four_bit / 2.0
    weight_bytes = 2.0 - shape.eight_bit - 1.4 * shape.four_bit
    operands = 2.0 * moved_share * (shape.matrices_whole + (shape.matrices_shared + shape.expert_widths) / grid.tensor)
    weights = weight_bytes * (shape.products / grid.tensor + shape.expert_entries / grid.expert_shards)
    narrowing = rates.narrowing_bytes / 2.0 * (shape.eight_bit + shape.four_bit)
    result: FloatArray = (
        tokens * (operations / grid.tensor + operands * (1.0 / rates.matmul_traffic + narrowing / rates.memory))
        + weights / rates.matmul_traffic
    )
    return result


def _adapters_s(shape: Shape, rates: Rates, tokens: FloatArray) -> FloatArray:
    """Forward; their rank is so narrow that the traffic of their operands counts."""
    flops = 2.0 * shape.adapter_products / rates.matmul
    sides = shape.matrices_whole + shape.matrices_shared
    operands = np.where(np.asarray(shape.adapters) > 0, rates.adapter_bytes * sides, 0.0)
    return np.asarray(tokens * (flops + operands / rates.memory))


def _attention_s(shape: Shape, rates: Rates, rank_tokens: FloatArray) -> tuple[FloatArray, Number]:
    """Forward, and how many times that both passes take.

    Fused attention works out the causal half of the scores and stores none. Otherwise all of them are worked out, and
    moved to and from memory between its steps.
    """
    fused = shape.attention_flops * (1.0 + rates.head_half / shape.head_dim) / rates.attention
    score_s = rates.score_bytes * shape.sequence * shape.heads / rates.memory
    stored = 2.0 * shape.attention_flops / rates.matmul + score_s
    per_token = shape.fused_attention * fused + (1.0 - shape.fused_attention) * stored
    passes = 3.0 + shape.fused_attention * (FUSED_BACKWARD_PASSES - 2.0)
    return rank_tokens * per_token, passes
