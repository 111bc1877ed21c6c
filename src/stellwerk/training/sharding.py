"""Spreads a model over the processes: FSDP2 (torch.distributed.fsdp.fully_shard) over one mesh dimension."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from stellwerk.training.model import ComputeType
from stellwerk.training.transformer import Decoder

TORCH_TYPES: dict[ComputeType, torch.dtype] = {"bf16": torch.bfloat16, "fp32": torch.float32}


def shard(decoder: Decoder, processes: int, compute_type: ComputeType) -> None:
    """Shards weights, gradients and, with them, optimizer states, layer by layer, in place.

    Each process keeps its share of the weights in fp32; they are gathered in ``compute_type`` when a layer needs
    them, and gradients are summed in fp32.
    """
    mesh = init_device_mesh("cpu", (processes,))
    policy = MixedPrecisionPolicy(param_dtype=TORCH_TYPES[compute_type], reduce_dtype=torch.float32)
    for layer in decoder.layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(decoder, mesh=mesh, mp_policy=policy)


def gathered_weights(decoder: Decoder) -> dict[str, Tensor]:
    """The whole weights in fp32 by name; every process has to call it."""
    return {name: whole(weight) for name, weight in decoder.state_dict().items()}


def whole(tensor: Tensor) -> Tensor:
    """A tensor that may be spread over processes as an ordinary one."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
