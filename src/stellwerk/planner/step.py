"""Time of one optimizer step, by part, for many layouts at once (docs/formulas/step-time.md)."""

from __future__ import annotations

import numpy as np

from stellwerk.planner.communication import data_parallel_s, pipeline_transfer_s, tensor_parallel_s
from stellwerk.planner.compute import memory_rate_bytes_per_s, micro_batch_compute
from stellwerk.planner.layouts import REPLICATED, FloatArray, LayoutGrid, stage_layer_parameters, stage_layers
from stellwerk.planner.model import Machine
from stellwerk.planner.trainable import device_parameters
from stellwerk.workload import Architecture, Training, count_parameters

STEP_PARTS = (
    "matrix_products",
    "attention",
    "memory_bound",
    "recomputation",
    "tensor_parallel",
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


def step_parts(
    architecture: Architecture, training: Training, machine: Machine, grid: LayoutGrid
) -> dict[str, FloatArray]:
    """Seconds of one step for each layout of ``grid``; arrays of shape (n,), keys ``STEP_PARTS``.

    The slowest pipeline stage sets the pace: its micro-batch time counts once per micro-batch, and (stages - 1)
    times more for the bubble (Narayanan et al. 2021, section 2.2.1). A layout that crosses nodes of a machine whose
    network is unknown takes infinitely long.
    """
    compute = micro_batch_compute(architecture, training, machine, grid)
    tensor, tensor_repeated = tensor_parallel_s(architecture, training, machine, grid)
    transfer = pipeline_transfer_s(architecture, training, machine, grid)
    parameters = _stage_parameters(architecture, grid)
    held = device_parameters(architecture, training, grid, parameters, stage_layers(architecture, grid))
    shards = np.where(grid.sharding == REPLICATED, 1, grid.data)
    count = grid.micro_batches
    busy = compute.total + tensor + tensor_repeated
    return {
        "matrix_products": count * compute.matrix_products,
        "attention": count * compute.attention,
        "memory_bound": count * compute.memory_bound,
        "recomputation": count * (compute.recomputation + tensor_repeated),
        "tensor_parallel": count * tensor,
        "pipeline_transfer": count * transfer,
        "pipeline_bubble": (grid.pipeline - 1) * (busy + transfer),
        "data_parallel": data_parallel_s(architecture, machine, grid, held, busy),
        "optimizer": held.trained / shards * OPTIMIZER_TRAFFIC_BYTES / memory_rate_bytes_per_s(machine),
        "overhead": count * compute.overhead + STEP_OVERHEAD_S,
    }


def _stage_parameters(architecture: Architecture, grid: LayoutGrid) -> FloatArray:
    """Parameters of the fullest stage, before tensor parallelism and any data-parallel sharding."""
    counts = count_parameters(architecture)
    ends = np.where(
        grid.pipeline == 1, counts.embedding + counts.output_head, max(counts.embedding, counts.output_head)
    )
    return stage_layer_parameters(architecture, grid) + ends
