"""The reference model: a decoder-only transformer of the Llama family in plain PyTorch.

Rotary positions (Su et al. 2021, RoFormer, section 3.2, in the half-split form that Llama uses), RMSNorm before
each block (Zhang & Sennrich 2019), SwiGLU (Shazeer 2020), grouped-query attention (Ainslie et al. 2023).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from stellwerk.workload.model import Architecture

ROPE_BASE = 10_000.0
INIT_STD = 0.02


class Decoder(nn.Module):
    """Tokens of shape (batch, length) to logits of shape (batch, length, vocab).

    ``max_length`` bounds the length; the rotary tables are made for it once.
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, architecture: Architecture, max_length: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.vocab, architecture.hidden)
        self.layers = nn.ModuleList(DecoderLayer(architecture) for _ in range(architecture.layers))
        self.norm = nn.RMSNorm(architecture.hidden)
        self.output = nn.Linear(architecture.hidden, architecture.vocab, bias=False)
        if architecture.tied_embeddings:
            self.output.weight = self.embedding.weight
        cosine, sine = rotary_tables(architecture.head_dim, max_length)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.embedding(tokens)
        length = tokens.shape[1]
        cosine = self.cosine[:length].to(hidden.dtype)
        sine = self.sine[:length].to(hidden.dtype)
        for layer in self.layers:
            hidden = layer(hidden, cosine, sine)
        logits: Tensor = self.output(self.norm(hidden))
        return logits

    def initialise(self, generator: torch.Generator) -> None:
        """Draws all weights: normal with 0.02, the two projections onto the residual stream scaled down by
        sqrt(2 x layers) (GPT-2 report, section 2.3), norms one, biases zero."""
        residual_std = INIT_STD / (2 * len(self.layers)) ** 0.5
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                nn.init.constant_(parameter, 0.0 if name.endswith("bias") else 1.0)
                continue
            std = residual_std if name.endswith(("attention.output.weight", "feed_forward.down.weight")) else INIT_STD
            nn.init.normal_(parameter, std=std, generator=generator)


class DecoderLayer(nn.Module):
    """One block: attention and feed-forward, each behind a norm and added to the residual stream."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(architecture.hidden)
        self.attention = Attention(architecture)
        self.feed_forward_norm = nn.RMSNorm(architecture.hidden)
        self.feed_forward = FeedForward(architecture)

    def forward(self, hidden: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        hidden = hidden + self.attention(self.attention_norm(hidden), cosine, sine)
        result: Tensor = hidden + self.feed_forward(self.feed_forward_norm(hidden))
        return result


class Attention(nn.Module):
    """Causal attention in which groups of query heads share a key and a value head."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.head_dim = architecture.head_dim
        query_width = architecture.heads * architecture.head_dim
        key_width = architecture.kv_heads * architecture.head_dim
        bias = architecture.attention_bias
        self.query = nn.Linear(architecture.hidden, query_width, bias=bias)
        self.key = nn.Linear(architecture.hidden, key_width, bias=bias)
        self.value = nn.Linear(architecture.hidden, key_width, bias=bias)
        self.output = nn.Linear(query_width, architecture.hidden, bias=architecture.output_bias)

    def forward(self, hidden: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        query = rotate(self._heads(self.query(hidden)), cosine, sine)
        key = rotate(self._heads(self.key(hidden)), cosine, sine)
        value = self._heads(self.value(hidden))
        mixed: Tensor = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
        result: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return result

    def _heads(self, projected: Tensor) -> Tensor:
        heads: Tensor = projected.unflatten(2, (-1, self.head_dim))
        return heads.transpose(1, 2)


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        hidden, inner, bias = architecture.hidden, architecture.ffn_hidden, architecture.mlp_bias
        self.gate = nn.Linear(hidden, inner, bias=bias)
        self.up = nn.Linear(hidden, inner, bias=bias)
        self.down = nn.Linear(inner, hidden, bias=bias)

    def forward(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.down(F.silu(self.gate(hidden)) * self.up(hidden))
        return result


def rotary_tables(head_dim: int, length: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine, each (length, head_dim), of position times frequency."""
    frequencies = ROPE_BASE ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def rotate(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turns each pair (i, i + head_dim/2) of the last dimension by its position's angle."""
    first, second = heads.chunk(2, dim=-1)
    return heads * cosine + torch.cat((-second, first), dim=-1) * sine
