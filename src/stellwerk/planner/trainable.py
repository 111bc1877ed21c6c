"""What a training trains and what it leaves frozen (docs/formulas/fine-tuning.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stellwerk.planner.layouts import FloatArray, IntArray, LayoutGrid
from stellwerk.workload import Architecture, Training, adapter_parameters, count_parameters

FROZEN_BYTES = 2.0
FOUR_BIT_BYTES = 0.5 + 0.127 / 8
"""NF4 in blocks of 64 with an 8-bit constant each, and an fp32 constant for 256 of these (double quantisation: 0.127
bits a parameter; Dettmers et al. 2023, arXiv:2305.14314, section 3)."""


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
    frozen_bytes = FROZEN_BYTES * share
    if training.freezes_in_four_bits:
        matrices = layers * matrix_parameters(architecture) / architecture.layers
        frozen_bytes -= (FROZEN_BYTES - FOUR_BIT_BYTES) * matrices / grid.tensor
    return DeviceParameters(trained=np.broadcast_to(np.asarray(adapters), share.shape), frozen_bytes=frozen_bytes)


def matrix_parameters(architecture: Architecture) -> int:
    """Parameters of the layers' matrices, which 4-bit formats apply to: all but embeddings, output head and norms.

    Biases count among them; they are less than a thousandth.
    """
    counts = count_parameters(architecture)
    return counts.non_embedding - counts.norms
