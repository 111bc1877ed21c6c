"""A feed-forward block of many experts, of which each token passes through a few (Shazeer et al. 2017; Mixtral,
arXiv:2401.04088, section 2.1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from stellwerk.training.decoder.groups import copied, summed
from stellwerk.training.model import ModelDetails
from stellwerk.training.shares import local_part
from stellwerk.workload.model import Architecture

BALANCE_WEIGHT = 0.01
"""Of the loss that spreads tokens evenly (Fedus et al. 2022, Switch Transformers, section 2.2)."""


class ExpertFeedForward(nn.Module):
    """Tokens of shape (batch, length, hidden) to the same and the block's share of the balance loss.

    ``gate``, ``up`` (experts, inner, hidden) and ``down`` (experts, hidden, inner) hold all experts. Under tensor
    parallelism each process of ``group`` has a slice of the inner width of every expert.
    """

    def __init__(self, architecture: Architecture, details: ModelDetails) -> None:
        super().__init__()
        experts = architecture.experts
        if experts is None:
            raise ValueError("the architecture has no experts")
        hidden, inner = architecture.hidden, experts.ffn_hidden
        self.per_token, self.normalised = experts.per_token, details.normalised_routing
        self.router = nn.Linear(hidden, experts.routed, bias=False)
        self.gate = nn.Parameter(torch.empty(experts.routed, inner, hidden))
        self.up = nn.Parameter(torch.empty(experts.routed, inner, hidden))
        self.down = nn.Parameter(torch.empty(experts.routed, hidden, inner))
        self.shared = SharedExpert(hidden, experts.shared_ffn_hidden) if experts.shared_ffn_hidden else None
        self.shared_gate = nn.Linear(hidden, 1, bias=False) if experts.shared_gate else None
        self.group: Any = None
        self.adapter_scale: float | None = None

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        tokens = hidden.flatten(0, 1)
        scores = self.router(tokens).float().softmax(dim=-1)
        weights, chosen = scores.topk(self.per_token, dim=-1)
        if self.normalised:
            weights = weights / weights.sum(dim=-1, keepdim=True)
        mixed = self._experts(copied(tokens, self.group), copied(weights, self.group).to(tokens.dtype), chosen)
        mixed = summed(mixed, self.group)
        if self.shared is not None:
            common = self.shared(tokens)
            mixed = mixed + (common if self.shared_gate is None else self.shared_gate(tokens).sigmoid() * common)
        return mixed.view_as(hidden), BALANCE_WEIGHT * imbalance(scores, chosen)

    def _experts(self, tokens: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
        """Sorts the tokens by expert, so that each expert works on one block of rows."""
        order = chosen.flatten().argsort(stable=True)
        source = order // self.per_token
        rows = tokens[source]
        counts = torch.bincount(chosen.flatten(), minlength=self.router.out_features)
        inner = F.silu(self._products("gate", rows, counts)) * self._products("up", rows, counts)
        result = self._products("down", inner, counts) * weights.flatten()[order][:, None]
        return torch.zeros_like(tokens).index_add(0, source, result)

    def _products(self, part: str, rows: Tensor, counts: Tensor) -> Tensor:
        """Rows times the matrix of their expert, and times its adapter where there is one (lora.py)."""
        products = _grouped if rows.is_cuda and rows.dtype == torch.bfloat16 else _one_by_one
        result = products(rows, local_part(getattr(self, part)), counts)
        if self.adapter_scale is None:
            return result
        down, up = (getattr(self, f"{part}_{end}").to(rows.dtype) for end in ("adapter_down", "adapter_up"))
        return result + self.adapter_scale * products(products(rows, down, counts), up, counts)


class SharedExpert(nn.Module):
    """The expert that every token passes through."""

    def __init__(self, hidden: int, inner: int) -> None:
        super().__init__()
        self.gate = nn.Linear(hidden, inner, bias=False)
        self.up = nn.Linear(hidden, inner, bias=False)
        self.down = nn.Linear(inner, hidden, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.down(F.silu(self.gate(tokens)) * self.up(tokens))
        return result


def imbalance(scores: Tensor, chosen: Tensor) -> Tensor:
    """1 where all experts get equally many tokens, more where not: experts x sum of (share of the choices x mean
    score) (Fedus et al. 2022, equations 4 to 6). ``scores`` (tokens, experts), ``chosen`` (tokens, per token)."""
    experts = scores.shape[1]
    shares = torch.bincount(chosen.flatten(), minlength=experts).to(scores.dtype) / chosen.numel()
    return experts * (shares * scores.mean(dim=0)).sum()


def _one_by_one(rows: Tensor, weights: Tensor, counts: Tensor) -> Tensor:
    blocks = rows.split(counts.tolist())
    return torch.cat([F.linear(block, weight) for block, weight in zip(blocks, weights, strict=True)])


def _grouped(rows: Tensor, weights: Tensor, counts: Tensor) -> Tensor:
    result: Tensor = torch._grouped_mm(rows, weights.transpose(1, 2), offs=counts.cumsum(0).int())
    return result
