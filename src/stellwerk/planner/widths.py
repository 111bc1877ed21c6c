"""How wide the tensors of one layer are, as serving needs it."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.workload import Architecture


@dataclass(frozen=True, slots=True)
class LayerWidths:
    """Numbers per token in the tensors of one layer; ``ffn`` and ``dispatched`` are means over layers that differ."""

    query: int
    key_value: int
    latent: int
    """The narrow vectors of latent attention; 0 without it."""
    ffn: float
    """All feed-forward blocks that a token passes through together."""
    dispatched: float
    """The copies of the hidden state that go to routed experts; nothing moves where there is only one."""


def layer_widths(architecture: Architecture) -> LayerWidths:
    """As prompts are worked through: with latent attention, keys and values of every head are worked out."""
    a, latent, experts = architecture, architecture.latent_attention, architecture.experts
    rope, value = (latent.rope_head_dim, latent.value_head_dim) if latent else (0, a.head_dim)
    with_experts = a.expert_layers / a.layers
    active = experts.per_token * experts.ffn_hidden + experts.shared_ffn_hidden if experts else 0
    return LayerWidths(
        query=a.heads * (a.head_dim + rope),
        key_value=a.kv_heads * (a.head_dim + rope + value),
        latent=(latent.query_rank or 0) + latent.key_value_rank if latent else 0,
        ffn=(1 - with_experts) * a.ffn_hidden + with_experts * active,
        dispatched=with_experts * experts.per_token * a.hidden if experts and experts.routed > 1 else 0.0,
    )
