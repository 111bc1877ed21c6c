"""How many bytes the parameters of a finished model take, by the format they are kept in."""

from __future__ import annotations

from collections.abc import Mapping

from stellwerk.workload import Architecture, WeightFormat, count_parameters

SIXTEEN_BIT_BYTES = 2.0
NF4_BYTES = 0.5 + 0.127 / 8
"""Blocks of 64 with an 8-bit constant each, and an fp32 constant for 256 of these (double quantisation: 0.127 bits a
parameter; Dettmers et al. 2023, arXiv:2305.14314, section 3)."""
MATRIX_BYTES: Mapping[WeightFormat, float] = {
    "bf16": SIXTEEN_BIT_BYTES,
    "fp8": 1.0,
    # A 16-bit scale and a 4-bit zero for 128 weights each, as GPTQ (arXiv:2210.17323) and AWQ (arXiv:2306.00978) do.
    "int4": 0.5 + (16 + 4) / 8 / 128,
}


def weight_bytes(architecture: Architecture, matrix_bytes: float) -> float:
    """Of all parameters: ``matrix_bytes`` for each of the layers' matrices, two for each of the others."""
    matrices = matrix_parameters(architecture)
    return matrix_bytes * matrices + SIXTEEN_BIT_BYTES * (count_parameters(architecture).total - matrices)


def matrix_parameters(architecture: Architecture) -> int:
    """Parameters of the layers' matrices, which narrow formats apply to: all but embeddings, output head and norms.

    Biases count among them; they are less than a thousandth.
    """
    counts = count_parameters(architecture)
    return counts.non_embedding - counts.norms
