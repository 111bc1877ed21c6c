"""Time of one optimizer step, by part, for many layouts at once (docs/formulas/step-time.md)."""

from __future__ import annotations

import numpy as np

from stellwerk.planner.communication import (
    context_parallel_s,
    data_parallel_s,
    expert_parallel_s,
    stage_transfer_s,
    tensor_latency_s,
    tensor_parallel_s,
)
from stellwerk.planner.compute import head_times, layer_times
from stellwerk.planner.constants import Rates
from stellwerk.planner.grid import (
    FULL_RECOMPUTATION,
    REPLICATED,
    FloatArray,
    LayoutGrid,
    last_stage_layers,
    spread,
    stage_layers,
    total,
)
from stellwerk.planner.held import Held, held_on_stage, shards_of, tokens_of_micro_batch
from stellwerk.planner.shape import Shape

STEP_PARTS = (
    "matrix_products",
    "attention",
    "memory_bound",
    "recomputation",
    "tensor_parallel",
    "context_parallel",
    "expert_parallel",
    "pipeline_transfer",
    "pipeline_bubble",
    "data_parallel",
    "optimizer",
    "overhead",
)


def step_parts(shape: Shape, rates: Rates, grid: LayoutGrid) -> dict[str, FloatArray]:
    """Seconds of one step for each layout; keys ``STEP_PARTS``, arrays of the grid's shape."""
    return spread(_parts(shape, rates, grid), grid.shape)


def step_s(shape: Shape, rates: Rates, grid: LayoutGrid) -> FloatArray:
    """The sum of ``step_parts``, which takes less than they do."""
    return total(_parts(shape, rates, grid))


def _parts(shape: Shape, rates: Rates, grid: LayoutGrid) -> dict[str, FloatArray]:
    """Each part in as few numbers as it has, for many choices of a layout change only some parts.

    The slowest pipeline stage sets the pace: its micro-batch time counts once per micro-batch. For the bubble the other
    stages count once, or the part of them that one piece of an interleaved schedule is (Narayanan et al. 2021, sections
    2.2.1 and 2.2.2).
    """
    tokens = tokens_of_micro_batch(shape, grid)
    layer, head = layer_times(shape, rates, grid, tokens), head_times(shape, rates, grid, tokens)
    tensor = tensor_parallel_s(shape, rates, grid, tokens)
    expert = expert_parallel_s(shape, rates, grid, tokens)
    context = context_parallel_s(shape, rates, grid, tokens, layer.attention)
    again = np.where(grid.recomputation == FULL_RECOMPUTATION, 1.0, 0.0)
    # Keys and values go round once forward and, with their gradients, twice backward.
    # The last of a layer's two exchanges goes with its last product.
    tensor_again = tensor * (1.0 - 0.5 * (1.0 - rates.last_repeated) * (1.0 - shape.expert_layers))
    recomputation = layer.recomputation + again * (tensor_again + expert + context / 3.0)
    one_layer = layer.matrix_products + layer.attention + layer.memory_bound + recomputation
    one_layer = one_layer + 2.0 * (tensor + expert) + context

    most, last = stage_layers(shape, grid), last_stage_layers(shape, grid)
    head_s = head.matrix_products + head.memory_bound
    layers, heads = _slowest_stage(grid, most, last, one_layer, head_s)
    busy = layers * one_layer + heads * head_s
    # Where kernels are started too slowly to keep a device busy, waiting for each other comes on top.
    launch = (rates.layer_launch + rates.expert_launch * shape.expert_layers) * (1.0 + again / 3.0)
    launched = layers * (launch + (2.0 + again) * tensor_latency_s(rates, grid))
    paced = np.sqrt(busy * busy + launched * launched)
    overhead = paced - busy
    transfer = stage_transfer_s(shape, rates, grid, tokens)
    others = (shape.layers - layers) / grid.interleave
    # Of the others only one has a head, behind which starting kernels could hide.
    without_head = layers * one_layer
    paced_without_head = np.sqrt(without_head * without_head + launched * launched)
    bubble = (others / layers) * paced_without_head + ((1.0 - heads) / grid.interleave) * head_s
    bubble = bubble + (grid.pipeline - 1.0) / grid.interleave * transfer

    held = _held_by_fullest(shape, grid, most)
    count = grid.micro_batches
    of_layers, of_heads = count * layers, count * heads
    return {
        "matrix_products": of_layers * layer.matrix_products + of_heads * head.matrix_products,
        "attention": of_layers * layer.attention,
        "memory_bound": of_layers * layer.memory_bound + of_heads * head.memory_bound,
        "recomputation": of_layers * recomputation,
        "tensor_parallel": of_layers * (2.0 * tensor),
        "context_parallel": of_layers * context,
        "expert_parallel": of_layers * (2.0 * expert),
        "pipeline_transfer": count * transfer,
        "pipeline_bubble": bubble,
        "data_parallel": data_parallel_s(shape, rates, grid, held, most, paced),
        "optimizer": _optimizer_s(shape, rates, grid, held),
        "overhead": count * overhead + rates.step_overhead,
    }


def _slowest_stage(
    grid: LayoutGrid, most: FloatArray, last: FloatArray, one_layer: FloatArray, head_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """How many layers and output heads the slowest stage has: where the layers cannot be spread evenly, the last one
    has one less, and the logits besides."""
    if np.array_equal(most, last):
        return last, np.ones_like(last)
    with_head = (grid.pipeline == 1) | ((most - last) * one_layer <= head_s)
    return np.where(with_head, last, most), with_head.astype(np.float64)


def _held_by_fullest(shape: Shape, grid: LayoutGrid, layers: FloatArray) -> Held:
    """Where the pipeline's fullest stage has the larger end of the model as well."""
    return held_on_stage(
        shape,
        grid,
        layers,
        np.maximum(shape.embedding, shape.head),
        np.maximum(shape.embedding_entries, shape.head_entries),
    )


def _optimizer_s(shape: Shape, rates: Rates, grid: LayoutGrid, held: Held) -> FloatArray:
    """States in the host's memory are updated there: gradients go to it, 16-bit weights come back (Ren et al. 2021,
    arXiv:2101.06840, section 4)."""
    shards = shards_of(rates, grid)
    whole = grid.sharding == REPLICATED
    parameters = np.where(
        whole, held.trained + held.experts, held.trained / shards.ranks + held.experts / shards.expert_ranks
    )
    here = shape.optimizer_traffic / rates.memory + shape.optimizer_flops / rates.matmul
    there = shape.optimizer_traffic / rates.host_memory + (shape.gradient_bytes + 2.0) / rates.host_link
    return parameters * np.where(grid.offload > 0, there, here)
