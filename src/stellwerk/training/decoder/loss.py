"""Cross-entropy without the logits of all tokens at once: a vocabulary of 128,000 would fill the memory with them.

The gradient is worked out in the forward pass, one block of tokens after the other, as in Liger-Kernel's fused linear
cross-entropy (Hsu et al. 2024, arXiv:2410.10989, section 3.2): hidden states and output matrix are multiplied, turned
into loss and gradient, and multiplied back before the next block.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

LOGITS_AT_ONCE = 2**29
"""So many logits are held at once: a gigabyte in bf16."""


def compile_loss() -> None:
    """Lets torch.compile fuse the passes over the logits into two."""
    global _loss_and_gradient
    _loss_and_gradient = torch.compile(_loss_and_gradient, dynamic=False)


def chunked_cross_entropy(hidden: Tensor, weight: Tensor, labels: Tensor, *, group: Any = None) -> Tensor:
    """Mean loss in nats: ``hidden`` (tokens, width), ``weight`` (vocab, width), ``labels`` (tokens).

    With a ``group`` each of its processes holds equally many consecutive rows of the output matrix, in order.
    """
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden, weight, labels, group)
    return loss


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, hidden: Tensor, weight: Tensor, labels: Tensor, group: Any) -> Tensor:
        loss_and_gradient = _loss_and_gradient if group is None else _spread_loss_and_gradient
        rows = max(1, LOGITS_AT_ONCE // weight.shape[0])
        wants_gradient = any(context.needs_input_grad[:2])
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradients: list[Tensor] = []
        weight_gradient = None
        for block, expected in zip(hidden.split(rows), labels.split(rows), strict=True):
            part, gradient = loss_and_gradient(block @ weight.T, expected, 1 / len(labels), group)
            loss += part
            if wants_gradient:
                hidden_gradients.append(gradient @ weight)
                product = gradient.T @ block
                # bf16 would lose what later blocks add
                weight_gradient = product if len(labels) <= rows else _added(weight_gradient, product)
        if weight_gradient is not None:
            hidden_gradient = torch.cat(hidden_gradients)
            if group is not None:
                dist.all_reduce(hidden_gradient, group=group)
            context.save_for_backward(hidden_gradient, weight_gradient.to(weight.dtype))
        return loss

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (factor,) = gradients
        hidden_gradient, weight_gradient = context.saved_tensors
        factor = factor.to(hidden_gradient.dtype)
        return hidden_gradient * factor, weight_gradient * factor, None, None


def _added(total: Tensor | None, product: Tensor) -> Tensor:
    return product.float() if total is None else total.add_(product)


def _loss_and_gradient(logits: Tensor, labels: Tensor, share: float, _group: object) -> tuple[Tensor, Tensor]:
    """The tokens' part of the mean loss, and its gradient with respect to ``logits`` (tokens, vocab)."""
    wide = logits.float()
    total = wide.logsumexp(dim=-1, keepdim=True)
    loss = (total - wide.gather(1, labels[:, None])).sum() * share
    columns = torch.arange(logits.shape[1], device=logits.device)
    gradient = (wide - total).exp() - (columns == labels[:, None]).float()
    return loss, (gradient * share).to(logits.dtype)


def _spread_loss_and_gradient(logits: Tensor, labels: Tensor, share: float, group: Any) -> tuple[Tensor, Tensor]:
    """The same for logits (tokens, vocab / processes): only one number per token travels, not the logits
    (Shoeybi et al. 2019, Megatron-LM, section 3)."""
    wide = logits.float()
    largest = wide.amax(dim=-1, keepdim=True)
    dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=group)
    wide = wide - largest
    here = labels[:, None] - dist.get_rank(group) * logits.shape[1]
    is_here = (here >= 0) & (here < logits.shape[1])
    expected = wide.gather(1, here.clamp(0, logits.shape[1] - 1)) * is_here
    sums = torch.stack((wide.exp().sum(dim=-1, keepdim=True), expected))
    dist.all_reduce(sums, group=group)
    loss = (sums[0].log() - sums[1]).sum() * share
    gradient = wide.exp() / sums[0]
    gradient.scatter_add_(1, here.clamp(0, logits.shape[1] - 1), -is_here.float())
    return loss, (gradient * share).to(logits.dtype)
