"""Time of one optimizer step, by part, for many layouts at once (docs/formulas/step-time.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stellwerk.planner.communication import (
    CommunicationWork,
    communication_work,
    data_parallel_s,
    pipeline_transfer_s,
    tensor_parallel_s,
)
from stellwerk.planner.compute import MicroBatchWork, memory_rate_bytes_per_s, micro_batch_compute, micro_batch_work
from stellwerk.planner.layouts import REPLICATED, FloatArray, IntArray, LayoutGrid, stage_layer_parameters, stage_layers
from stellwerk.planner.model import Machine
from stellwerk.planner.trainable import device_parameters
from stellwerk.workload import Architecture, Training, count_parameters

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

OPTIMIZER_TRAFFIC_BYTES = 30.0
"""AdamW reads weight, gradient and two moments in fp32 and writes three of them and a 2-byte copy, per parameter."""
STEP_OVERHEAD_S = 10e-3
"""Once a step: gradient norm, logging, the next batch."""


@dataclass(frozen=True, slots=True)
class StepWork:
    """What one step asks of the slowest pipeline stage, whatever the machine; arrays of shape (n,)."""

    micro_batches: IntArray
    stages_before: IntArray
    """The other stages, which the last micro-batch has yet to pass."""
    compute: MicroBatchWork
    communication: CommunicationWork
    optimizer_bytes: FloatArray


def step_work(architecture: Architecture, training: Training, devices_per_node: int, grid: LayoutGrid) -> StepWork:
    """What a step takes for each layout of ``grid`` on nodes of ``devices_per_node``."""
    parameters = _stage_parameters(architecture, grid)
    held = device_parameters(architecture, training, grid, parameters, stage_layers(architecture, grid))
    shards = np.where(grid.sharding == REPLICATED, 1, grid.data)
    return StepWork(
        micro_batches=grid.micro_batches,
        stages_before=grid.pipeline - 1,
        compute=micro_batch_work(architecture, training, grid),
        communication=communication_work(architecture, training, devices_per_node, grid, held),
        optimizer_bytes=held.trained / shards * OPTIMIZER_TRAFFIC_BYTES,
    )


def step_parts(work: StepWork, machine: Machine) -> dict[str, FloatArray]:
    """Seconds of one step on a machine for each layout; arrays of shape (n,), keys ``STEP_PARTS``.

    The slowest pipeline stage sets the pace: its micro-batch time counts once per micro-batch, and (stages - 1)
    times more for the bubble (Narayanan et al. 2021, section 2.2.1). A layout that crosses nodes of a machine whose
    network is unknown takes infinitely long.
    """
    compute = micro_batch_compute(work.compute, machine)
    tensor, tensor_repeated = tensor_parallel_s(work.communication, machine)
    transfer = pipeline_transfer_s(work.communication, machine)
    count, busy = work.micro_batches, compute.total + tensor + tensor_repeated
    return {
        "matrix_products": count * compute.matrix_products,
        "attention": count * compute.attention,
        "memory_bound": count * compute.memory_bound,
        "recomputation": count * (compute.recomputation + tensor_repeated),
        "tensor_parallel": count * tensor,
        "context_parallel": np.zeros(len(count)),
        "expert_parallel": np.zeros(len(count)),
        "pipeline_transfer": count * transfer,
        "pipeline_bubble": work.stages_before * (busy + transfer),
        "data_parallel": data_parallel_s(work.communication, machine, busy),
        "optimizer": work.optimizer_bytes / memory_rate_bytes_per_s(machine),
        "overhead": count * compute.overhead + STEP_OVERHEAD_S,
    }


def _stage_parameters(architecture: Architecture, grid: LayoutGrid) -> FloatArray:
    """Parameters of the fullest stage, before tensor parallelism and any data-parallel sharding."""
    counts = count_parameters(architecture)
    ends = np.where(
        grid.pipeline == 1, counts.embedding + counts.output_head, max(counts.embedding, counts.output_head)
    )
    return stage_layer_parameters(architecture, grid) + ends
