"""Time that a step spends on communication (docs/formulas/communication.md)."""

from __future__ import annotations

import numpy as np

from stellwerk.planner.constants import Rates
from stellwerk.planner.grid import FULLY_SHARDED, GRADIENTS_SHARDED, HYBRID_SHARDED, REPLICATED, FloatArray, LayoutGrid
from stellwerk.planner.held import GATHERED_BYTES, Held, last_in_flight, shards_of
from stellwerk.planner.shape import Number, Shape

ACTIVATION_BYTES = 2.0
BUCKET_BYTES = 160e6
"""Of gradients that are reduced together: 40 million numbers in 32 bits, Megatron-Core's least."""


def tensor_parallel_s(shape: Shape, rates: Rates, grid: LayoutGrid, tokens: FloatArray) -> FloatArray:
    """Seconds per layer and micro-batch, forward, that nothing hides.

    Two all-reduces of the activations (Shoeybi et al. 2019, section 3); as ring collectives each moves 2 (t - 1) / t of
    its tensor. With sequence parallelism they fall into halves of the same volume (Korthikanti et al. 2022).
    """
    moved = 4.0 * (1.0 - 1.0 / grid.tensor) * ACTIVATION_BYTES * shape.hidden * tokens
    return rates.tensor_exposed * moved / rate_of_group(rates, grid.tensor, 1.0) + tensor_latency_s(rates, grid)


def tensor_latency_s(rates: Rates, grid: LayoutGrid) -> FloatArray:
    """Of that what the two all-reduces take however little they move; measured, it grows with the ring's members."""
    return np.where(grid.tensor > 1, rates.link_latency * (1.0 + grid.tensor / 2.0), 0.0)


def context_parallel_s(
    shape: Shape, rates: Rates, grid: LayoutGrid, tokens: FloatArray, attention_s: FloatArray
) -> FloatArray:
    """Seconds per layer and micro-batch, forward and backward, beyond what ``attention_s`` of computation hides.

    Keys and values pass round a ring (Liu et al. 2023, arXiv:2310.01889), and their gradients with them backward.
    """
    moved = (grid.context - 1.0) * ACTIVATION_BYTES * shape.key_value / grid.tensor * tokens
    rate = rate_of_group(rates, grid.context, grid.tensor)
    total = 3.0 * (moved / rate + (grid.context - 1.0) * rates.link_latency)
    return np.maximum(total - rates.data_overlap * attention_s, rates.data_exposed * total)


def expert_parallel_s(shape: Shape, rates: Rates, grid: LayoutGrid, tokens: FloatArray) -> FloatArray:
    """Seconds per layer and micro-batch, forward, that nothing hides: tokens to their experts and back."""
    moved = 2.0 * (1.0 - 1.0 / grid.expert) * ACTIVATION_BYTES * shape.dispatched / grid.tensor * tokens
    rate = rate_of_exchange(rates, grid.expert)
    started = np.where(grid.expert > 1, 2.0 * rates.link_latency * shape.expert_layers, 0.0)
    return rates.expert_exposed * (moved / rate + started)


def stage_transfer_s(shape: Shape, rates: Rates, grid: LayoutGrid, tokens: FloatArray) -> FloatArray:
    """Seconds per micro-batch to pass activations on and gradients back between two stages, that nothing hides; an
    interleaved schedule passes them as often as there are pieces."""
    whole = np.where(grid.sequence_parallel > 0, tokens / grid.tensor, tokens)
    stride = grid.tensor * grid.context * grid.data
    rate = np.where(stride * grid.pipeline <= rates.domain_devices, rates.link, rates.network)
    one = 2.0 * (ACTIVATION_BYTES * shape.hidden * whole / rate + rates.network_latency)
    return np.where(grid.pipeline > 1, rates.stage_exposed * grid.interleave * one, 0.0)


def data_parallel_s(
    shape: Shape, rates: Rates, grid: LayoutGrid, held: Held, layers: FloatArray, micro_batch_s: FloatArray
) -> FloatArray:
    """Seconds per step that stay visible beside ``micro_batch_s`` of computation for each micro-batch.

    Replicated weights: one all-reduce of the gradients, or one reduce-scatter and one all-gather of the weights
    (Rajbhandari et al. 2020, section 7), hidden behind the last micro-batch's backward pass; sharded gradients are
    reduced after every micro-batch. Fully sharded (Zhao et al. 2023, section 3.2): gather forward and backward and
    reduce once per micro-batch, hidden behind all computation, but once a step in a pipeline stage, which keeps what it
    gathered (memory.py). With hybrid sharding all of that inside the nodes, and after each reduction an all-reduce
    between them. Frozen weights have nothing to reduce: they are gathered where they are sharded.
    """
    fully, hybrid = grid.sharding >= FULLY_SHARDED, grid.sharding == HYBRID_SHARDED
    ranks, expert_ranks = grid.ranks, grid.tensor * grid.ranks / grid.expert_shards
    streamed, whole = fully & (grid.pipeline == 1), grid.sharding == REPLICATED
    each_batch = streamed | (grid.sharding == GRADIENTS_SHARDED)
    reductions = np.where(each_batch, grid.micro_batches, 1.0)
    gathers = np.where(streamed, 2.0 * grid.micro_batches, np.where(whole, 0.0, 1.0))
    per_trained = rates.reduced_bytes * reductions * np.where(whole, 2.0, 1.0) + GATHERED_BYTES * gathers
    own = per_trained * held.trained + np.where(fully, gathers, 0.0) * held.frozen_bytes
    shards = shards_of(rates, grid)
    group, expert_group = shards.ranks, shards.expert_ranks
    rate = rate_of_group(rates, group, grid.tensor)
    expert_rate = rate_of_group(rates, expert_group, grid.expert_shards)
    seconds = np.where(fully, rates.gather_slowness, 1.0) * (
        own * (1.0 - 1.0 / group) / rate + per_trained * held.experts * (1.0 - 1.0 / expert_group) / expert_rate
    )
    # All devices of a node run their own ring between the nodes, so each has its own share of the network.
    between = held.trained / group * (1.0 - group / ranks)
    between = between + held.experts / expert_group * (1.0 - expert_group / expert_ranks)
    seconds = seconds + np.where(hybrid, 2.0 * rates.reduced_bytes * reductions * between / rates.network, 0.0)
    # Rings pass every member: their latency grows with the nodes, and is paid for every layer or bucket of gradients.
    buckets = 1.0 + shape.gradient_bytes * (held.trained + held.experts) / BUCKET_BYTES
    collectives = np.where(fully, layers * (reductions + gathers), (1.0 + reductions) * buckets)
    group_nodes = np.maximum(group * grid.tensor / rates.domain_devices, 1.0) - 1.0
    started = collectives * (rates.link_latency + rates.network_latency * group_nodes)
    seconds = seconds + np.where(ranks > 1, started, 0.0)
    # Pieces of an interleaved pipeline end one after the other.
    backward = 2.0 / 3.0 * np.where(each_batch, grid.micro_batches, last_in_flight(grid))
    hidden = rates.data_overlap * np.where(streamed, grid.micro_batches, backward) * micro_batch_s
    return np.maximum(seconds - hidden, rates.data_exposed * seconds)


def rate_of_group(rates: Rates, members: FloatArray, stride: Number) -> FloatArray:
    """Bytes/s of a ring over ``members`` devices, each ``stride`` devices from the next.

    The members of a group inside one node share the ring's way out: its rate is what they may inject together, at most
    what the link inside the node carries.
    """
    inside = members * stride <= rates.domain_devices
    members_of_node = np.maximum(np.minimum(rates.domain_devices / stride, members), 1.0)
    rate: FloatArray = np.where(inside, rates.link, np.minimum(rates.link, rates.network * members_of_node))
    return rate


def rate_of_exchange(rates: Rates, members: FloatArray) -> FloatArray:
    """Bytes/s and device of an exchange of each with each: what goes to devices of the same domain takes the link, the
    rest the network."""
    outside = np.maximum(members - rates.domain_devices, 0.0) / np.maximum(members - 1.0, 1.0)
    rate: FloatArray = 1.0 / ((1.0 - outside) / rates.link + outside / rates.network)
    return rate
