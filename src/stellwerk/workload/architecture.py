"""How many parameters an architecture has, how many FLOPs a token costs in it, and what is cached of a token.

Formulas and sources: ``docs/formulas/parameters.md`` and ``docs/formulas/flops.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.workload.model import Architecture, Experts, LatentAttention, Training

FLOPS_PER_MULTIPLY_ADD = 2
TRAINING_PASSES = 3
"""One forward pass and a backward pass of twice its cost."""


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """Parameters by part. Tied embeddings are counted once, as ``embedding``.

    ``mlp`` holds dense feed-forward blocks, shared experts and routers; routed experts are split into as many as a
    token passes through and the others.
    """

    embedding: int
    positions: int
    attention: int
    mlp: int
    active_experts: int
    other_experts: int
    norms: int
    output_head: int

    @property
    def total(self) -> int:
        return self.non_embedding + self.embedding + self.positions + self.output_head

    @property
    def active(self) -> int:
        """What one token passes through: everything but the experts that it is not sent to."""
        return self.total - self.other_experts

    @property
    def non_embedding(self) -> int:
        """Everything but the token and position embeddings and the output head: N in Kaplan et al. (2020)."""
        return self.attention + self.mlp + self.active_experts + self.other_experts + self.norms


@dataclass(frozen=True, slots=True)
class FlopsPerToken:
    """FLOPs of the matrix products of one forward pass, per token, by part.

    A multiply-add counts as two. Attention is causal: a token attends to half the sequence on average. ``mlp`` holds
    dense feed-forward blocks, shared experts and routers, ``experts`` the routed experts that a token is sent to.
    Norms, biases, activations, soft-max and the embedding look-up are not counted, nor is recomputation: this is the
    model FLOPs count that MFU refers to (Chowdhery et al. 2022, appendix B).
    """

    query_key_value: float
    attention_output: float
    attention_scores: float
    attention_values: float
    mlp: float
    experts: float
    logits: float

    @property
    def forward(self) -> float:
        return (
            self.query_key_value
            + self.attention_output
            + self.attention_scores
            + self.attention_values
            + self.mlp
            + self.experts
            + self.logits
        )

    @property
    def training(self) -> float:
        """Forward and backward pass."""
        return TRAINING_PASSES * self.forward


def count_parameters(architecture: Architecture) -> ParameterCount:
    """Exact number of trainable parameters, by part (docs/formulas/parameters.md)."""
    a, experts = architecture, architecture.experts
    one_expert = a.expert_layers * _mlp_parameters(a, experts.ffn_hidden) if experts else 0
    return ParameterCount(
        embedding=a.vocab * a.hidden,
        positions=a.positions * a.hidden,
        attention=a.layers * _attention_parameters(a),
        mlp=(a.layers - a.expert_layers) * _mlp_parameters(a, a.ffn_hidden)
        + (a.expert_layers * _beside_experts_parameters(a, experts) if experts else 0),
        active_experts=experts.per_token * one_expert if experts else 0,
        other_experts=(experts.routed - experts.per_token) * one_expert if experts else 0,
        norms=(a.layers * a.norms_per_layer + 1) * a.norm_parameters * a.hidden,
        output_head=(0 if a.tied_embeddings else a.vocab * a.hidden) + (a.vocab if a.head_bias else 0),
    )


def flops_per_token(architecture: Architecture, sequence_length: int) -> FlopsPerToken:
    """Matrix-product FLOPs of one forward pass per token in a sequence of ``sequence_length`` tokens.

    Source: Kaplan et al. (2020), section 2.1, and Narayanan et al. (2021), section 5.1 and appendix, here written
    out for grouped queries, latent attention (as it is trained: keys and values of every head are worked out), gated
    MLPs, experts and causal attention (docs/formulas/flops.md).
    """
    a, experts = architecture, architecture.experts
    score_width, value_width = _attention_widths(a)
    attended_positions = _attended_positions(a, sequence_length)
    mlp_matrices = 3 if a.gated_mlp else 2
    mlp_products = (a.layers - a.expert_layers) * mlp_matrices * a.hidden * a.ffn_hidden
    expert_products = 0
    if experts:
        beside = mlp_matrices * experts.shared_ffn_hidden + experts.routed + experts.shared_gate
        mlp_products += a.expert_layers * a.hidden * beside
        expert_products = a.expert_layers * experts.per_token * mlp_matrices * a.hidden * experts.ffn_hidden
    return FlopsPerToken(
        query_key_value=FLOPS_PER_MULTIPLY_ADD * a.layers * _query_key_value_products(a),
        attention_output=FLOPS_PER_MULTIPLY_ADD * a.layers * value_width * a.hidden,
        attention_scores=FLOPS_PER_MULTIPLY_ADD * attended_positions * score_width,
        attention_values=FLOPS_PER_MULTIPLY_ADD * attended_positions * value_width,
        mlp=FLOPS_PER_MULTIPLY_ADD * mlp_products,
        experts=FLOPS_PER_MULTIPLY_ADD * expert_products,
        logits=FLOPS_PER_MULTIPLY_ADD * a.hidden * a.vocab,
    )


def kv_cache_elements_per_token(architecture: Architecture) -> int:
    """Numbers that serving keeps of one token, over all layers; how many bytes each takes is the caller's to know.

    Per layer a key and a value for each key-value head; with latent attention the narrow vector and the rotary key
    (DeepSeek-V2, arXiv:2405.04434, table 1). Every layer keeps equally many, but ``windowed_layers`` of them keep
    only the latest ``attention_window`` tokens.
    """
    a, latent = architecture, architecture.latent_attention
    if latent:
        return a.layers * (latent.key_value_rank + latent.rope_head_dim)
    return a.layers * 2 * a.kv_heads * a.head_dim


def adapter_parameters(architecture: Architecture, rank: int) -> int:
    """Parameters of low-rank adapters on every matrix of attention and feed-forward block.

    A matrix of shape (m, n) gets two of shapes (m, rank) and (rank, n) (Hu et al. 2021, arXiv:2106.09685, section 4.1).
    """
    return _adapter_parameters(architecture, rank, architecture.experts.routed if architecture.experts else 0)


def active_adapter_parameters(architecture: Architecture, rank: int) -> int:
    """Those of them that one token passes through: of routed experts, only the ones that it is sent to."""
    return _adapter_parameters(architecture, rank, architecture.experts.per_token if architecture.experts else 0)


def _adapter_parameters(a: Architecture, rank: int, routed: int) -> int:
    inner = 3 if a.gated_mlp else 2
    dense = inner * (a.hidden + a.ffn_hidden)
    with_experts = 0
    if a.experts:
        with_experts = routed * inner * (a.hidden + a.experts.ffn_hidden)
        with_experts += inner * (a.hidden + a.experts.shared_ffn_hidden) if a.experts.shared_ffn_hidden else 0
    feed_forward = (a.layers - a.expert_layers) * dense + a.expert_layers * with_experts
    return rank * (a.layers * _attention_sides(a) + feed_forward)


def training_flops_per_token(architecture: Architecture, training: Training) -> float:
    """FLOPs per token that the method asks for, forward and backward; what MFU refers to.

    Three forward passes where everything is trained. Beside adapters, frozen matrices cost two: they take the gradient
    of their input, and none of their own (docs/formulas/fine-tuning.md).
    """
    flops = flops_per_token(architecture, training.sequence_length)
    if not training.trains_adapters:
        return flops.training
    attention = flops.attention_scores + flops.attention_values
    adapters = FLOPS_PER_MULTIPLY_ADD * active_adapter_parameters(architecture, training.lora_rank)
    frozen_passes = TRAINING_PASSES - 1
    return frozen_passes * (flops.forward - attention) + TRAINING_PASSES * (attention + adapters)


def _attention_parameters(a: Architecture) -> int:
    value_width = _attention_widths(a)[1]
    projections = _query_key_value_products(a) + value_width * a.hidden
    output_bias = a.hidden if a.output_bias else 0
    if a.latent_attention:
        return projections + output_bias + _latent_vector_parameters(a, a.latent_attention)
    widths = (a.heads + 2 * a.kv_heads) * a.head_dim
    return projections + output_bias + (widths if a.attention_bias else 0) + _qk_norm_parameters(a)


def _query_key_value_products(a: Architecture) -> int:
    """Entries of one layer's matrices that make queries, keys and values."""
    latent = a.latent_attention
    if latent is None:
        return a.hidden * (a.heads + 2 * a.kv_heads) * a.head_dim
    query_width = a.heads * (a.head_dim + latent.rope_head_dim)
    queries = latent.query_rank * (a.hidden + query_width) if latent.query_rank else a.hidden * query_width
    narrowed = a.hidden * (latent.key_value_rank + latent.rope_head_dim)
    return queries + narrowed + latent.key_value_rank * a.heads * (a.head_dim + latent.value_head_dim)


def _latent_vector_parameters(a: Architecture, latent: LatentAttention) -> int:
    """Norms of the narrow vectors; a bias belongs to the projections that make them."""
    ranks = (latent.query_rank or 0) + latent.key_value_rank
    return a.norm_parameters * ranks + (ranks + latent.rope_head_dim if a.attention_bias else 0)


def _attention_widths(a: Architecture) -> tuple[int, int]:
    """Over all heads: numbers per query, and per attention output."""
    latent = a.latent_attention
    if latent:
        return a.heads * (a.head_dim + latent.rope_head_dim), a.heads * latent.value_head_dim
    return a.heads * a.head_dim, a.heads * a.head_dim


def _qk_norm_parameters(a: Architecture) -> int:
    if not a.qk_norm:
        return 0
    return 2 * a.head_dim if a.qk_norm_width == "head" else (a.heads + a.kv_heads) * a.head_dim


def _mlp_parameters(a: Architecture, ffn_hidden: int) -> int:
    inner_matrices = 2 if a.gated_mlp else 1
    biases = inner_matrices * ffn_hidden + a.hidden if a.mlp_bias else 0
    return (inner_matrices + 1) * a.hidden * ffn_hidden + biases


def _beside_experts_parameters(a: Architecture, experts: Experts) -> int:
    """Router and shared experts of one layer."""
    router = experts.routed * (a.hidden + experts.router_bias)
    shared = _mlp_parameters(a, experts.shared_ffn_hidden) if experts.shared_ffn_hidden else 0
    return router + shared + (a.hidden if experts.shared_gate else 0)


def _attended_positions(a: Architecture, sequence_length: int) -> float:
    """Positions that one token attends to on average, summed over the layers."""
    whole = a.layers * sequence_length / 2
    if a.attention_window is None or a.attention_window >= sequence_length:
        return whole
    window = a.attention_window
    windowed = window * (1 - window / (2 * sequence_length))  # the first `window` tokens see half a window on average
    return whole + a.windowed_layers * (windowed - sequence_length / 2)


def _attention_sides(a: Architecture) -> int:
    """Rows plus columns of the matrices of attention in one layer."""
    if a.latent_attention is None:
        query_width, key_width = a.heads * a.head_dim, a.kv_heads * a.head_dim
        return 2 * (a.hidden + query_width) + 2 * (a.hidden + key_width)
    latent = a.latent_attention
    query_width, value_width = a.heads * (a.head_dim + latent.rope_head_dim), a.heads * latent.value_head_dim
    rank = latent.query_rank
    query = a.hidden + query_width if rank is None else a.hidden + 2 * rank + query_width
    down = a.hidden + latent.key_value_rank + latent.rope_head_dim
    up = latent.key_value_rank + a.heads * a.head_dim + value_width
    return query + down + up + value_width + a.hidden
