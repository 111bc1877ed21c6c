"""The reference model: a decoder-only transformer of the Llama family in plain PyTorch, dense or with experts.

Rotary positions (Su et al. 2021, RoFormer, section 3.2, in the half-split form that Llama uses), RMSNorm before
each block (Zhang & Sennrich 2019), SwiGLU (Shazeer 2020), grouped-query attention (Ainslie et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

from stellwerk.training.decoder.experts import ExpertFeedForward
from stellwerk.training.decoder.groups import copied
from stellwerk.training.decoder.loss import chunked_cross_entropy
from stellwerk.training.model import ModelDetails, Recomputation, RopeScaling
from stellwerk.training.shares import local_part
from stellwerk.workload.model import Architecture

INIT_STD = 0.02

_KEPT_OPERATIONS = {
    torch.ops.aten.mm.default,
    torch.ops.aten.addmm.default,
    torch.ops.aten._scaled_dot_product_flash_attention.default,
    torch.ops.aten._scaled_dot_product_cudnn_attention.default,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
}
"""With selective recomputation only what is cheap is computed again: norms, activations, rotations."""


class Decoder(nn.Module):
    """Tokens of shape (batch, length) to logits of shape (batch, length, vocab), or with labels to the mean loss.

    ``max_length`` bounds the length; the rotary tables are made for it once.
    """

    def __init__(
        self,
        architecture: Architecture,
        max_length: int,
        details: ModelDetails = ModelDetails(),  # noqa: B008 - frozen
        *,
        recomputation: Recomputation = "none",
    ) -> None:
        super().__init__()
        self.architecture, self.details, self.max_length = architecture, details, max_length
        self.embedding = nn.Embedding(architecture.vocab, architecture.hidden)
        dense_layers = architecture.experts.dense_layers if architecture.experts else architecture.layers
        layers = [
            DecoderLayer(architecture, details, has_experts=index >= dense_layers, recomputation=recomputation)
            for index in range(architecture.layers)
        ]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.RMSNorm(architecture.hidden, eps=details.norm_epsilon)
        self.output = nn.Linear(architecture.hidden, architecture.vocab, bias=False)
        self.tie()
        self._tables: tuple[Tensor, Tensor] | None = None
        self.vocabulary_group: Any = None
        """The processes among which the rows of the output matrix are spread (tensor parallel); None: it is whole."""

    def decoder_layers(self) -> Iterator[DecoderLayer]:
        """The blocks, by their own type."""
        return (layer for layer in self.layers if isinstance(layer, DecoderLayer))

    def tie(self) -> None:
        """Lets the output matrix be the embedding, where the architecture says so."""
        if self.architecture.tied_embeddings:
            self.output.weight = self.embedding.weight

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        hidden, balance = self.hidden_states(tokens)
        if labels is None:
            logits: Tensor = self.output(hidden)
            return logits
        weight = local_part(self.output.weight)
        loss = chunked_cross_entropy(hidden.flatten(0, 1), weight, labels.flatten(), group=self.vocabulary_group)
        return loss + balance if self.training else loss

    def hidden_states(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What the output matrix is applied to, (batch, length, hidden), and the loss that keeps experts balanced."""
        hidden = self.embedding(tokens)
        balance = torch.zeros((), device=hidden.device)
        cosine, sine = (table[: tokens.shape[1]] for table in self._rotary_tables(hidden))
        for layer in self.layers:
            hidden, balance = layer(hidden, balance, cosine, sine)
        return self.norm(hidden), balance

    def _rotary_tables(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Made once, on the device and in the type of the first call."""
        if self._tables is None or self._tables[0].device != like.device or self._tables[0].dtype != like.dtype:
            cosine, sine = rotary_tables(self.architecture.head_dim, self.max_length, self.details)
            self._tables = cosine.to(like), sine.to(like)
        return self._tables


class DecoderLayer(nn.Module):
    """One block: attention and feed-forward, each behind a norm and added to the residual stream."""

    def __init__(
        self,
        architecture: Architecture,
        details: ModelDetails = ModelDetails(),  # noqa: B008 - frozen
        *,
        has_experts: bool = False,
        recomputation: Recomputation = "none",
    ) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(architecture.hidden, eps=details.norm_epsilon)
        self.attention = Attention(architecture, details)
        self.feed_forward_norm = nn.RMSNorm(architecture.hidden, eps=details.norm_epsilon)
        self.feed_forward = (
            ExpertFeedForward(architecture, details)
            if has_experts
            else FeedForward(architecture.hidden, architecture.ffn_hidden, bias=architecture.mlp_bias)
        )
        self.has_experts = has_experts
        self.recomputation = recomputation
        self.run: Callable[..., tuple[Tensor, Tensor]] = self.block

    def compile_block(self) -> None:
        """Lets torch.compile translate the block; layers of one shape share the translation."""
        self.run = torch.compile(self.block, dynamic=False)

    def forward(self, hidden: Tensor, balance: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor]:
        return self.run(hidden, balance, cosine, sine)

    def block(self, hidden: Tensor, balance: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor]:
        """The layer, kept for the backward pass as ``recomputation`` says."""
        if self.recomputation == "none" or not torch.is_grad_enabled():
            return self._compute(hidden, balance, cosine, sine)
        block = (self._compute, hidden, balance, cosine, sine)
        result: tuple[Tensor, Tensor] = (
            checkpoint(*block, use_reentrant=False, preserve_rng_state=False, context_fn=_selective_contexts)
            if self.recomputation == "selective"
            else checkpoint(*block, use_reentrant=False, preserve_rng_state=False)
        )
        return result

    def _compute(self, hidden: Tensor, balance: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor]:
        hidden = hidden + self.attention(self.attention_norm(hidden), cosine, sine)
        normed = self.feed_forward_norm(hidden)
        if self.has_experts:
            change, imbalance = self.feed_forward(normed)
            return hidden + change, balance + imbalance
        return hidden + self.feed_forward(normed), balance


class Attention(nn.Module):
    """Causal attention in which groups of query heads share a key and a value head."""

    def __init__(self, architecture: Architecture, details: ModelDetails) -> None:
        super().__init__()
        self.head_dim = architecture.head_dim
        query_width = architecture.heads * architecture.head_dim
        key_width = architecture.kv_heads * architecture.head_dim
        bias = architecture.attention_bias
        self.query = nn.Linear(architecture.hidden, query_width, bias=bias)
        self.key = nn.Linear(architecture.hidden, key_width, bias=bias)
        self.value = nn.Linear(architecture.hidden, key_width, bias=bias)
        self.output = nn.Linear(query_width, architecture.hidden, bias=architecture.output_bias)
        self.shares_keys = architecture.heads != architecture.kv_heads
        self.norms_heads = architecture.qk_norm and architecture.qk_norm_width == "head"
        self.norms_projections = architecture.qk_norm and architecture.qk_norm_width == "projection"
        if architecture.qk_norm:
            widths = (self.head_dim, self.head_dim) if self.norms_heads else (query_width, key_width)
            self.query_norm, self.key_norm = (nn.RMSNorm(width, eps=details.norm_epsilon) for width in widths)
        self.head_group: Any = None
        """The processes that share the heads and, with them, one scale of ``norms_heads``."""

    def forward(self, hidden: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        query, key, value = self.query(hidden), self.key(hidden), self.value(hidden)
        if self.norms_projections:
            query, key = self.query_norm(query), self.key_norm(key)
        query, key, value = self._heads(query), self._heads(key), self._heads(value)
        if self.norms_heads:
            query, key = self._normed(query, self.query_norm), self._normed(key, self.key_norm)
        query, key = rotate(query, cosine, sine), rotate(key, cosine, sine)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=self.shares_keys)
        result: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return result

    def _normed(self, heads: Tensor, norm: nn.RMSNorm) -> Tensor:
        weight = copied(norm.weight, self.head_group)
        return F.rms_norm(heads, (self.head_dim,), weight, norm.eps)

    def _heads(self, projected: Tensor) -> Tensor:
        heads: Tensor = projected.unflatten(2, (-1, self.head_dim))
        return heads.transpose(1, 2)


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, hidden: int, inner: int, *, bias: bool) -> None:
        super().__init__()
        self.gate = nn.Linear(hidden, inner, bias=bias)
        self.up = nn.Linear(hidden, inner, bias=bias)
        self.down = nn.Linear(inner, hidden, bias=bias)

    def forward(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.down(F.silu(self.gate(hidden)) * self.up(hidden))
        return result


def initial_std(name: str, layers: int) -> float:
    """Of the normal distribution that the weight ``name`` is drawn from: 0.02, the projections onto the residual
    stream scaled down by sqrt(2 x layers) (GPT-2 report, section 2.3)."""
    onto_the_stream = name.endswith(("attention.output.weight", "down.weight", "feed_forward.down"))
    return INIT_STD / math.sqrt(2 * layers) if onto_the_stream else INIT_STD


def rotary_tables(head_dim: int, length: int, details: ModelDetails) -> tuple[Tensor, Tensor]:
    """Cosine and sine, each (length, head_dim), of position times frequency."""
    frequencies = details.rope_theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    if details.rope_scaling is not None:
        frequencies = _stretched(frequencies, details.rope_scaling)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def rotate(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turns each pair (i, i + head_dim/2) of the last dimension by its position's angle."""
    first, second = heads.chunk(2, dim=-1)
    return heads * cosine + torch.cat((-second, first), dim=-1) * sine


def _stretched(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """Slow rotations slowed down by ``factor``, fast ones kept, those between blended: rope_type llama3."""
    turns = scaling.original_length * frequencies / (2 * math.pi)
    low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
    kept = ((turns - low) / (high - low)).clamp(0.0, 1.0)
    return frequencies * (kept + (1 - kept) / scaling.factor)


def _selective_contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    contexts: tuple[AbstractContextManager[None], AbstractContextManager[None]] = create_selective_checkpoint_contexts(
        _keep_matrix_products
    )
    return contexts


def _keep_matrix_products(_context: object, operation: object, *_: object, **__: object) -> CheckpointPolicy:
    return CheckpointPolicy.MUST_SAVE if operation in _KEPT_OPERATIONS else CheckpointPolicy.PREFER_RECOMPUTE
