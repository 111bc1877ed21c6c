"""What a training trains and what it leaves frozen (docs/formulas/fine-tuning.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stellwerk.planner.layouts import FloatArray, IntArray, LayoutGrid
from stellwerk.planner.weights import NF4_BYTES, SIXTEEN_BIT_BYTES, matrix_parameters
from stellwerk.workload import Architecture, Training, adapter_parameters


@dataclass(frozen=True, slots=True)
class DeviceParameters:
    """What a device holds before data-parallel sharding; arrays of shape (n,), one entry a layout."""

    trained: FloatArray
    """Parameters with gradients and optimizer states."""
    frozen_bytes: FloatArray
    """Bytes of the parameters without either; 0 where everything is trained."""


def device_parameters(
    architecture: Architecture,
    training: Training,
    grid: LayoutGrid,
    parameters: npt.NDArray[np.floating] | float,
    layers: IntArray | int,
) -> DeviceParameters:
    """Of ``parameters`` on one pipeline stage, ``layers`` layers among them, what each device of the stage holds.

    Adapters count whole on every tensor-parallel rank: one of the two matrices of each is there whole.
    """
    share = np.asarray(parameters / grid.tensor, dtype=np.float64)
    if not training.trains_adapters:
        return DeviceParameters(trained=share, frozen_bytes=np.zeros_like(share))
    adapters = layers * adapter_parameters(architecture, training.lora_rank) / architecture.layers
    frozen_bytes = SIXTEEN_BIT_BYTES * share
    if training.freezes_in_four_bits:
        matrices = layers * matrix_parameters(architecture) / architecture.layers
        frozen_bytes -= (SIXTEEN_BIT_BYTES - NF4_BYTES) * matrices / grid.tensor
    return DeviceParameters(trained=np.broadcast_to(np.asarray(adapters), share.shape), frozen_bytes=frozen_bytes)
