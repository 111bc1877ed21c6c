"""How tensor-parallel processes share a value (Shoeybi et al. 2019, Megatron-LM, section 3, operators f and g)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributed import _functional_collectives as collectives


def copied(tensor: Tensor, group: Any) -> Tensor:
    """The tensor; its gradients, of which each process knows a part, are summed over the group."""
    return tensor if group is None else _Copied.apply(tensor, group)


def summed(part: Tensor, group: Any) -> Tensor:
    """The sum of all processes' parts; the gradient is the same for each."""
    return part if group is None else _Summed.apply(part, group)


class _Copied(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, tensor: Tensor, group: Any) -> Tensor:
        context.group = group
        return tensor.view_as(tensor)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        return collectives.all_reduce(gradient.contiguous(), "sum", context.group), None


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, part: Tensor, group: Any) -> Tensor:
        total: Tensor = collectives.all_reduce(part.contiguous(), "sum", group)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        return gradient, None
