"""Time that a step spends on communication (docs/formulas/communication.md)."""

from __future__ import annotations

import numpy as np

from stellwerk.planner.layouts import FULL_RECOMPUTATION, FULLY_SHARDED, FloatArray, LayoutGrid, stage_layers
from stellwerk.planner.memory import GRADIENT_BYTES, WEIGHT_BYTES
from stellwerk.planner.model import Machine
from stellwerk.planner.trainable import DeviceParameters
from stellwerk.workload import Architecture, Training

# Fitted together with the constants of compute.py.
LINK_SHARE = 0.69
"""Of the link between accelerators of a node, reached by collectives."""
NETWORK_SHARE = 0.70
"""Of a node's injection bandwidth, reached by collectives."""
LEAST_EXPOSED = 0.10
"""Of data-parallel communication stays visible whatever runs beside it."""


def tensor_parallel_s(
    architecture: Architecture, training: Training, machine: Machine, grid: LayoutGrid
) -> tuple[FloatArray, FloatArray]:
    """Seconds per micro-batch and stage: (forward and backward, the part repeated by full recomputation).

    Two all-reduces of the activations per layer forward and two backward (Shoeybi et al. 2019, section 3); as ring
    collectives each moves 2 (t - 1) / t of its 2-byte tensor. They stay inside the node and are not hidden.
    """
    tensor = grid.tensor
    activation_bytes = 2.0 * grid.micro_batch * training.sequence_length * architecture.hidden
    one = 2.0 * activation_bytes * (tensor - 1) / tensor / (machine.link_bytes_per_s * LINK_SHARE)
    layers = stage_layers(architecture, grid)
    forward = np.where(tensor > 1, layers * 2.0 * (one + machine.collective_latency_s), 0.0)
    return 2.0 * forward, np.where(grid.recomputation == FULL_RECOMPUTATION, forward, 0.0)


def pipeline_transfer_s(
    architecture: Architecture, training: Training, machine: Machine, grid: LayoutGrid
) -> FloatArray:
    """Seconds per micro-batch to pass activations on and gradients back between two stages."""
    tensor_bytes = 2.0 * grid.micro_batch * training.sequence_length * architecture.hidden / grid.tensor
    crosses_nodes = grid.devices > machine.devices_per_node
    rate = np.where(crosses_nodes, _network_rate(machine), machine.link_bytes_per_s * LINK_SHARE)
    with np.errstate(divide="ignore"):
        transfer = 2.0 * (tensor_bytes / rate + machine.collective_latency_s)
    return np.where(grid.pipeline > 1, transfer, 0.0)


def data_parallel_s(
    architecture: Architecture,
    machine: Machine,
    grid: LayoutGrid,
    held: DeviceParameters,
    micro_batch_compute_s: FloatArray,
) -> FloatArray:
    """Seconds per step that data-parallel communication stays visible.

    ``held``: by a device of the fullest stage before sharding; ``micro_batch_compute_s``: of one micro-batch.
    Replicated weights: one reduce-scatter of the gradients and one all-gather of the weights a step, hidden behind
    the last micro-batch's backward pass. Fully sharded (Zhao et al. 2023, section 3.2): gather forward and backward
    and reduce once per micro-batch, hidden behind all computation. Frozen weights have nothing to reduce: they are
    gathered where they are sharded, and otherwise stay where they are.
    """
    data, layers = grid.data, stage_layers(architecture, grid)
    rate = _data_parallel_rate(machine, grid)
    moved_share = (data - 1) / data
    fully = grid.sharding == FULLY_SHARDED
    with np.errstate(divide="ignore", invalid="ignore"):
        gathered_twice = 2 * (WEIGHT_BYTES * held.trained + held.frozen_bytes)
        per_micro_batch = (gathered_twice + WEIGHT_BYTES * held.trained) * moved_share / rate
        per_step = (GRADIENT_BYTES + WEIGHT_BYTES) * held.trained * moved_share / rate
    latency = machine.collective_latency_s
    sharded = grid.micro_batches * (per_micro_batch + 3.0 * layers * latency)
    total = np.where(fully, sharded, per_step + 2.0 * latency)
    backward_of_last = micro_batch_compute_s * 2.0 / 3.0
    beside = np.where(fully, grid.micro_batches * micro_batch_compute_s, backward_of_last)
    return np.where(data > 1, np.maximum(total - machine.overlap * beside, LEAST_EXPOSED * total), 0.0)


def _data_parallel_rate(machine: Machine, grid: LayoutGrid) -> FloatArray:
    """Bytes/s that a ring over the data-parallel group moves per device.

    The members of a group inside one node share the ring's way out: its rate is what they may inject together,
    at most what the link inside the node carries.
    """
    link = machine.link_bytes_per_s * LINK_SHARE
    inside_node = grid.tensor * grid.data <= machine.devices_per_node
    members_per_node = np.maximum(machine.devices_per_node // grid.tensor, 1)
    return np.where(inside_node, link, np.minimum(link, _network_rate(machine) * members_per_node))


def _network_rate(machine: Machine) -> float:
    """Per device; zero where no network is known, so that nothing that crosses nodes ever finishes."""
    return 0.0 if machine.network_bytes_per_s is None else machine.network_bytes_per_s * NETWORK_SHARE
