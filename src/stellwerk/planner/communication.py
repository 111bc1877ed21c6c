"""Time that a step spends on communication (docs/formulas/communication.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stellwerk.planner.layouts import (
    FULL_RECOMPUTATION,
    FULLY_SHARDED,
    FloatArray,
    IntArray,
    LayoutGrid,
    stage_layers,
)
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


@dataclass(frozen=True, slots=True)
class CommunicationWork:
    """What a step sends, whatever the machine; arrays of shape (n,), zero where a layout has nobody to send to."""

    tensor_bytes: FloatArray
    """By tensor parallelism: per micro-batch and stage, forward."""
    tensor_collectives: FloatArray
    tensor_repeats: FloatArray
    """How much of that recomputation repeats."""
    stage_bytes: FloatArray
    """From one pipeline stage to the next and back: per micro-batch."""
    stage_messages: FloatArray
    crosses_nodes: npt.NDArray[np.bool_]
    data_bytes: FloatArray
    """By data parallelism: per step."""
    data_collectives: FloatArray
    data_beside: FloatArray
    """The micro-batches whose computation runs beside it."""
    data_inside_node: npt.NDArray[np.bool_]
    data_members_per_node: IntArray


def communication_work(
    architecture: Architecture, training: Training, devices_per_node: int, grid: LayoutGrid, held: DeviceParameters
) -> CommunicationWork:
    """What the layouts of ``grid`` send; ``held``: by a device of the fullest stage before sharding.

    Tensor parallelism: two all-reduces of the activations per layer forward and two backward (Shoeybi et al. 2019,
    section 3); as ring collectives each moves 2 (t - 1) / t of its 2-byte tensor. They stay inside the node and are
    not hidden.

    Data parallelism, replicated weights: one reduce-scatter of the gradients and one all-gather of the weights a step,
    hidden behind the last micro-batch's backward pass. Fully sharded (Zhao et al. 2023, section 3.2): gather forward
    and backward and reduce once per micro-batch, hidden behind all computation. Frozen weights have nothing to reduce:
    they are gathered where they are sharded, and otherwise stay where they are.
    """
    tensor, data, layers = grid.tensor, grid.data, stage_layers(architecture, grid)
    activation_bytes = 2.0 * grid.micro_batch * training.sequence_length * architecture.hidden
    all_reduces = np.where(tensor > 1, 2.0 * layers, 0.0)
    pipelined = grid.pipeline > 1
    fully = grid.sharding == FULLY_SHARDED
    gathered_twice = 2 * (WEIGHT_BYTES * held.trained + held.frozen_bytes)
    moved_bytes = np.where(
        fully,
        grid.micro_batches * (gathered_twice + WEIGHT_BYTES * held.trained),
        (GRADIENT_BYTES + WEIGHT_BYTES) * held.trained,
    )
    return CommunicationWork(
        tensor_bytes=all_reduces * 2.0 * activation_bytes * (tensor - 1) / tensor,
        tensor_collectives=all_reduces,
        tensor_repeats=np.where(grid.recomputation == FULL_RECOMPUTATION, 1.0, 0.0),
        stage_bytes=np.where(pipelined, 2.0 * activation_bytes / tensor, 0.0),
        stage_messages=np.where(pipelined, 2.0, 0.0),
        crosses_nodes=grid.devices > devices_per_node,
        data_bytes=moved_bytes * (data - 1) / data,
        data_collectives=np.where(data > 1, np.where(fully, 3.0 * layers * grid.micro_batches, 2.0), 0.0),
        data_beside=np.where(fully, grid.micro_batches, 2.0 / 3.0),
        data_inside_node=tensor * data <= devices_per_node,
        data_members_per_node=np.maximum(devices_per_node // tensor, 1),
    )


def tensor_parallel_s(work: CommunicationWork, machine: Machine) -> tuple[FloatArray, FloatArray]:
    """Seconds per micro-batch and stage: (forward and backward, the part repeated by full recomputation)."""
    rate = machine.link_bytes_per_s * LINK_SHARE
    forward = work.tensor_bytes / rate + work.tensor_collectives * machine.collective_latency_s
    return 2.0 * forward, work.tensor_repeats * forward


def pipeline_transfer_s(work: CommunicationWork, machine: Machine) -> FloatArray:
    """Seconds per micro-batch to pass activations on and gradients back between two stages."""
    rate = np.where(work.crosses_nodes, _network_rate(machine), machine.link_bytes_per_s * LINK_SHARE)
    return _transfer_s(work.stage_bytes, rate) + work.stage_messages * machine.collective_latency_s


def data_parallel_s(work: CommunicationWork, machine: Machine, micro_batch_compute_s: FloatArray) -> FloatArray:
    """Seconds per step that data-parallel communication stays visible beside the computation of the micro-batches.

    The members of a group inside one node share the ring's way out: its rate is what they may inject together,
    at most what the link inside the node carries.
    """
    link = machine.link_bytes_per_s * LINK_SHARE
    way_out = np.minimum(link, _network_rate(machine) * work.data_members_per_node)
    rate = np.where(work.data_inside_node, link, way_out)
    total = _transfer_s(work.data_bytes, rate) + work.data_collectives * machine.collective_latency_s
    hidden = machine.overlap * work.data_beside * micro_batch_compute_s
    return np.maximum(total - hidden, LEAST_EXPOSED * total)


def _transfer_s(moved_bytes: FloatArray, rate: FloatArray) -> FloatArray:
    """Nothing takes no time over a network that is not known, anything else takes for ever."""
    seconds = np.zeros(len(moved_bytes))
    with np.errstate(divide="ignore"):
        np.divide(moved_bytes, rate, out=seconds, where=moved_bytes > 0)
    return seconds


def _network_rate(machine: Machine) -> float:
    """Per device; zero where no network is known, so that nothing that crosses nodes ever finishes."""
    return 0.0 if machine.network_bytes_per_s is None else machine.network_bytes_per_s * NETWORK_SHARE
