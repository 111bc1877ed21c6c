"""Tensors of which each process holds a part."""

from __future__ import annotations

from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset


def local_part(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor that may be spread, sharing its memory; gradients flow through it."""
    part: Tensor = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    return part


def local_share(tensor: Tensor) -> tuple[Tensor, tuple[slice, ...]]:
    """This process's share, and what it is cut out of the whole by; an ordinary tensor is its own share.

    What is written into the share is in the tensor.
    """
    if not isinstance(tensor, DTensor):
        return tensor, tuple(slice(0, size) for size in tensor.shape)
    sizes, offsets = compute_local_shape_and_global_offset(tensor.shape, tensor.device_mesh, tensor.placements)
    place = tuple(slice(offset, offset + size) for offset, size in zip(offsets, sizes, strict=True))
    return local_part(tensor), place
