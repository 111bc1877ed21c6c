"""How wide the tensors of one layer are."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.workload import Architecture


@dataclass(frozen=True, slots=True)
class LayerWidths:
    """Numbers per token in the tensors of one layer; means where only some layers have experts."""

    query: int
    key_value: int
    attention_output: int
    """Of all heads, before they are projected back."""
    latent: int
    """The narrow vectors of latent attention; 0 without it."""
    dense_ffn: float
    """Feed-forward blocks that every token passes through, shared experts among them."""
    routed_ffn: float
    """The routed experts that a token is sent to, together."""
    dispatched: float
    """The copies of the hidden state that go to routed experts; nothing moves where there is only one."""

    @property
    def ffn(self) -> float:
        """All feed-forward blocks that a token passes through together."""
        return self.dense_ffn + self.routed_ffn


def layer_widths(architecture: Architecture) -> LayerWidths:
    """As prompts are worked through: with latent attention, keys and values of every head are worked out."""
    a, latent, experts = architecture, architecture.latent_attention, architecture.experts
    rope, value = (latent.rope_head_dim, latent.value_head_dim) if latent else (0, a.head_dim)
    with_experts = a.expert_layers / a.layers
    return LayerWidths(
        query=a.heads * (a.head_dim + rope),
        key_value=a.kv_heads * (a.head_dim + rope + value),
        attention_output=a.heads * value,
        latent=(latent.query_rank or 0) + latent.key_value_rank if latent else 0,
        dense_ffn=(1 - with_experts) * a.ffn_hidden + (with_experts * experts.shared_ffn_hidden if experts else 0.0),
        routed_ffn=with_experts * experts.per_token * experts.ffn_hidden if experts else 0.0,
        dispatched=with_experts * experts.per_token * a.hidden if experts and experts.routed > 1 else 0.0,
    )
