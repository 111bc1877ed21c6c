"""How many parameters an architecture has, and how many FLOPs a token costs in it.

Formulas and sources: ``docs/formulas/parameters.md`` and ``docs/formulas/flops.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.workload.model import Architecture, Training

FLOPS_PER_MULTIPLY_ADD = 2
TRAINING_PASSES = 3
"""One forward pass and a backward pass of twice its cost."""


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """Parameters by part. Tied embeddings are counted once, as ``embedding``."""

    embedding: int
    positions: int
    attention: int
    mlp: int
    norms: int
    output_head: int

    @property
    def total(self) -> int:
        return self.non_embedding + self.embedding + self.positions + self.output_head

    @property
    def non_embedding(self) -> int:
        """Everything but the token and position embeddings and the output head: N in Kaplan et al. (2020)."""
        return self.attention + self.mlp + self.norms


@dataclass(frozen=True, slots=True)
class FlopsPerToken:
    """FLOPs of the matrix products of one forward pass, per token, by part.

    A multiply-add counts as two. Attention is causal: a token attends to half the sequence on average. Norms, biases,
    activations, soft-max and the embedding look-up are not counted, nor is recomputation: this is the model FLOPs
    count that MFU refers to (Chowdhery et al. 2022, appendix B).
    """

    query_key_value: float
    attention_output: float
    attention_scores: float
    attention_values: float
    mlp: float
    logits: float

    @property
    def forward(self) -> float:
        return (
            self.query_key_value
            + self.attention_output
            + self.attention_scores
            + self.attention_values
            + self.mlp
            + self.logits
        )

    @property
    def training(self) -> float:
        """Forward and backward pass."""
        return TRAINING_PASSES * self.forward


def count_parameters(architecture: Architecture) -> ParameterCount:
    """Exact number of trainable parameters, by part (docs/formulas/parameters.md)."""
    a = architecture
    return ParameterCount(
        embedding=a.vocab * a.hidden,
        positions=a.positions * a.hidden,
        attention=a.layers * _attention_parameters(a),
        mlp=a.layers * _mlp_parameters(a),
        norms=(a.layers * a.norms_per_layer + 1) * a.norm_parameters * a.hidden,
        output_head=(0 if a.tied_embeddings else a.vocab * a.hidden) + (a.vocab if a.head_bias else 0),
    )


def flops_per_token(architecture: Architecture, sequence_length: int) -> FlopsPerToken:
    """Matrix-product FLOPs of one forward pass per token in a sequence of ``sequence_length`` tokens.

    Source: Kaplan et al. (2020), section 2.1, and Narayanan et al. (2021), section 5.1 and appendix, here written
    out for grouped queries, gated MLPs and causal attention (docs/formulas/flops.md).
    """
    a = architecture
    query_width = a.heads * a.head_dim
    attended_positions = _attended_positions(a, sequence_length)
    mlp_matrices = 3 if a.gated_mlp else 2
    return FlopsPerToken(
        query_key_value=FLOPS_PER_MULTIPLY_ADD * a.layers * a.hidden * (a.heads + 2 * a.kv_heads) * a.head_dim,
        attention_output=FLOPS_PER_MULTIPLY_ADD * a.layers * query_width * a.hidden,
        attention_scores=FLOPS_PER_MULTIPLY_ADD * attended_positions * query_width,
        attention_values=FLOPS_PER_MULTIPLY_ADD * attended_positions * query_width,
        mlp=FLOPS_PER_MULTIPLY_ADD * a.layers * mlp_matrices * a.hidden * a.ffn_hidden,
        logits=FLOPS_PER_MULTIPLY_ADD * a.hidden * a.vocab,
    )


def adapter_parameters(architecture: Architecture, rank: int) -> int:
    """Parameters of low-rank adapters on every matrix of attention and feed-forward block.

    A matrix of shape (m, n) gets two of shapes (m, rank) and (rank, n) (Hu et al. 2021, arXiv:2106.09685, section 4.1).
    """
    a = architecture
    query_width, key_width = a.heads * a.head_dim, a.kv_heads * a.head_dim
    attention = 2 * (a.hidden + query_width) + 2 * (a.hidden + key_width)
    feed_forward = (3 if a.gated_mlp else 2) * (a.hidden + a.ffn_hidden)
    return a.layers * rank * (attention + feed_forward)


def training_flops_per_token(architecture: Architecture, training: Training) -> float:
    """FLOPs per token that the method asks for, forward and backward; what MFU refers to.

    Three forward passes where everything is trained. Beside adapters, frozen matrices cost two: they take the gradient
    of their input, and none of their own (docs/formulas/fine-tuning.md).
    """
    flops = flops_per_token(architecture, training.sequence_length)
    if not training.trains_adapters:
        return flops.training
    attention = flops.attention_scores + flops.attention_values
    adapters = FLOPS_PER_MULTIPLY_ADD * adapter_parameters(architecture, training.lora_rank)
    frozen_passes = TRAINING_PASSES - 1
    return frozen_passes * (flops.forward - attention) + TRAINING_PASSES * (attention + adapters)


def _attention_parameters(a: Architecture) -> int:
    query_width, key_width = a.heads * a.head_dim, a.kv_heads * a.head_dim
    projections = a.hidden * (query_width + 2 * key_width) + query_width * a.hidden
    biases = (query_width + 2 * key_width if a.attention_bias else 0) + (a.hidden if a.output_bias else 0)
    return projections + biases + (_qk_norm_parameters(a) if a.qk_norm else 0)


def _qk_norm_parameters(a: Architecture) -> int:
    return 2 * a.head_dim if a.qk_norm_width == "head" else (a.heads + a.kv_heads) * a.head_dim


def _mlp_parameters(a: Architecture) -> int:
    inner_matrices = 2 if a.gated_mlp else 1
    biases = inner_matrices * a.ffn_hidden + a.hidden if a.mlp_bias else 0
    return (inner_matrices + 1) * a.hidden * a.ffn_hidden + biases


def _attended_positions(a: Architecture, sequence_length: int) -> float:
    """Positions that one token attends to on average, summed over the layers."""
    whole = a.layers * sequence_length / 2
    if a.attention_window is None or a.attention_window >= sequence_length:
        return whole
    window = a.attention_window
    windowed = window * (1 - window / (2 * sequence_length))  # the first `window` tokens see half a window on average
    return whole + a.windowed_layers * (windowed - sequence_length / 2)
