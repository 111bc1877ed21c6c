"""How large the tensors of a training are: the numbers that memory and time are worked out from.

The formulas of the planner take one shape with many layouts (a search) or as many shapes as layouts (a table of
measured runs): every field is a number or an array of shape (n,).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stellwerk.planner.weights import NF4_BYTES, SIXTEEN_BIT_BYTES, matrix_parameters
from stellwerk.planner.widths import layer_widths
from stellwerk.workload import (
    Architecture,
    OptimizerChoice,
    Training,
    active_adapter_parameters,
    adapter_parameters,
    count_parameters,
    flops_per_token,
)

Number = float | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """Per token and layer unless said otherwise; layers that differ count with their mean.

    A *matrix* has a side of the hidden width, whole on every tensor-parallel rank, and one that the ranks share.
    """

    layers: Number
    hidden: Number
    heads: Number
    vocab: Number
    sequence: Number
    """Tokens."""
    batch: Number
    """Sequences of one step."""
    products: Number
    """Multiply-adds of the matrices that every token passes through, the router among them."""
    last_products: Number
    """Those of them of the last matrix of a layer without experts."""
    matrices_whole: Number
    """Width of the unshared sides of these matrices, added up; those with one input count once."""
    matrices_shared: Number
    """The same of the shared sides."""
    expert_products: Number
    """Multiply-adds of the routed experts that a token is sent to."""
    expert_widths: Number
    """Both sides of their matrices, added up."""
    expert_entries: Number
    """Entries of the matrices of all routed experts of a layer, whatever a token passes through."""
    routed: Number
    """Experts; 1 where there are none."""
    misaligned: Number
    """1 where a side of the matrices is no multiple of ``TILE``, else 0."""
    dispatched: Number
    """Numbers that go to routed experts, once."""
    expert_layers: Number
    """Share of the layers."""
    attention_flops: Number
    """Scores and values, causal, forward."""
    head_dim: Number
    """The same of one head."""
    key_value: Number
    """Width of all keys and values."""
    whole_traffic: Number
    """Numbers read and written between the matrices, forward, on each tensor-parallel rank..."""
    shared_traffic: Number
    """...and shared out between the ranks."""
    kept_whole: Number
    """Numbers kept for the backward pass, of which each tensor-parallel rank has all without sequence parallelism."""
    kept_shared: Number
    recomputable_whole: Number
    """Those of them besides that selective recomputation works out again."""
    recomputable_shared: Number
    dense_layer: Number
    """Trained parameters of a layer without experts."""
    other_layer: Number
    """Those of a layer with experts, less the routed experts'."""
    experts_of_layer: Number
    """Trained parameters of all routed experts of a layer that has them."""
    dense_layer_frozen: Number
    """Bytes of the frozen parameters of a layer without experts."""
    other_layer_frozen: Number
    experts_frozen: Number
    adapters: Number
    """Parameters of one layer's adapters, whole on each tensor-parallel rank; 0 where everything is trained."""
    adapter_products: Number
    """Multiply-adds of those that a token passes through."""
    embedding: Number
    """Trained parameters of token and position embeddings."""
    head: Number
    """Those of the output head where it stands on another pipeline stage than the embedding."""
    own_head: Number
    """Those of the output head that it does not share with the embedding."""
    frozen_end_bytes: Number
    """Of a frozen parameter of embedding and head; 0 where they are trained."""
    embedding_entries: Number
    """Parameters of the embeddings, trained or not."""
    head_entries: Number
    own_head_entries: Number
    in_use_entries: Number
    """Of the largest matrix where matrices are kept in 4 bits and one at a time is turned into 16; otherwise 0."""
    dequantised: Number
    """Bytes read and written to turn one 4-bit layer into 16 bits."""
    weight_bytes: Number
    """Of a trained parameter, as the matrices are multiplied with it."""
    gradient_bytes: Number
    """Of its gradient, as it is added up over micro-batches."""
    state_bytes: Number
    """Of what the optimizer keeps of it, the copy in 32 bits included."""
    sharded_state_bytes: Number
    """The same where the weights themselves are kept in 32 bits."""
    optimizer_traffic: Number
    """Bytes that a step of the optimizer reads and writes for it."""
    optimizer_flops: Number
    """Operations of a step of the optimizer for it, where these are matrix products; otherwise 0."""
    passes: Number
    """Forward passes that the matrices cost in a step: three where they are trained."""
    eight_bit: Number
    """1 where the layers' matrices are multiplied in 8 bits, else 0."""
    four_bit: Number
    fused_attention: Number
    """1 where the scores of attention are never stored, else 0."""


MUON_ITERATIONS = 5
TILE = 128
"""Side of a tile that matrix units work on."""
OPTIMIZERS: dict[OptimizerChoice, tuple[float, float]] = {
    # Bytes kept and bytes moved for a parameter. Weights in 32 bits and two moments (Rajbhandari et al. 2020, section
    # 3.1): read with a gradient in 32 bits, written with the 16-bit copy.
    "adamw": (12.0, 30.0),
    "adamw_bf16": (8.0, 22.0),
    # Blocks of 2,048 numbers share a constant (Dettmers et al. 2022, arXiv:2110.02861).
    "adamw_8bit": (6.0, 18.0),
    # One moment (Jordan et al. 2024).
    "muon": (8.0, 22.0),
}


def optimizer_bytes(optimizer: OptimizerChoice) -> float:
    """What an optimizer keeps of a parameter, its copy in 32 bits included."""
    return OPTIMIZERS[optimizer][0]


def shape_of(architecture: Architecture, training: Training, *, fused_attention: bool = True) -> Shape:
    """The shape of a training."""
    a, experts, widths = architecture, architecture.experts, layer_widths(architecture)
    with_experts = a.expert_layers / a.layers
    inner = 2 if a.gated_mlp else 1
    query, key_value, output, narrow = widths.query, widths.key_value, widths.attention_output, widths.latent
    dense_ffn, routed_ffn, dispatched = widths.dense_ffn, widths.routed_ffn, widths.dispatched
    flops = flops_per_token(a, training.sequence_length)
    counts, matrices = count_parameters(a), matrix_parameters(a)
    expert_entries = (inner + 1) * a.hidden * experts.ffn_hidden * experts.routed if experts else 0
    frozen = training.trains_adapters
    dense_layer, other_layer, experts_of_layer = _layer_parameters(a)
    matrix_share = matrices / max(counts.non_embedding, 1)
    four_bit_bytes = SIXTEEN_BIT_BYTES - (SIXTEEN_BIT_BYTES - NF4_BYTES) * matrix_share
    frozen_bytes = four_bit_bytes if training.freezes_in_four_bits else SIXTEEN_BIT_BYTES
    state_bytes, optimizer_traffic = OPTIMIZERS[training.optimizer]
    head = counts.embedding if a.tied_embeddings else counts.output_head
    ends = counts.embedding + counts.positions
    return Shape(
        layers=a.layers,
        hidden=a.hidden,
        heads=a.heads,
        vocab=a.vocab,
        sequence=training.sequence_length,
        batch=training.global_batch_sequences,
        products=(flops.query_key_value + flops.attention_output + flops.mlp) / (2 * a.layers),
        last_products=(1.0 - with_experts) * a.hidden * a.ffn_hidden,
        matrices_whole=a.hidden * (4 if dense_ffn else 2),
        matrices_shared=query + key_value + output + 2 * narrow + (inner + 1) * dense_ffn,
        expert_products=flops.experts / (2 * a.layers),
        expert_widths=(inner + 1) * (dispatched + routed_ffn),
        expert_entries=with_experts * expert_entries,
        routed=experts.routed if experts else 1,
        misaligned=float(any(side % TILE for side in (a.hidden, experts.ffn_hidden if experts else a.ffn_hidden))),
        dispatched=dispatched,
        expert_layers=with_experts,
        attention_flops=(flops.attention_scores + flops.attention_values) / a.layers,
        head_dim=(query + output) / (2 * a.heads),
        key_value=key_value,
        whole_traffic=14.0 * a.hidden,
        shared_traffic=2 * (query + output) + 3 * key_value + 4 * narrow + (3 * inner + 2) * (dense_ffn + routed_ffn),
        kept_whole=2.0 * a.hidden,
        kept_shared=query + key_value + output + narrow + dispatched + inner * (dense_ffn + routed_ffn),
        recomputable_whole=2.0 * a.hidden,
        recomputable_shared=narrow + dense_ffn + routed_ffn,
        dense_layer=0.0 if frozen else dense_layer,
        other_layer=0.0 if frozen else other_layer,
        experts_of_layer=0.0 if frozen else experts_of_layer,
        dense_layer_frozen=frozen_bytes * dense_layer if frozen else 0.0,
        other_layer_frozen=frozen_bytes * other_layer if frozen else 0.0,
        experts_frozen=frozen_bytes * experts_of_layer if frozen else 0.0,
        adapters=adapter_parameters(a, training.lora_rank) / a.layers if frozen else 0.0,
        adapter_products=active_adapter_parameters(a, training.lora_rank) / a.layers if frozen else 0.0,
        embedding=0.0 if frozen else ends,
        head=0.0 if frozen else head,
        own_head=0.0 if frozen else counts.output_head,
        frozen_end_bytes=SIXTEEN_BIT_BYTES if frozen else 0.0,
        embedding_entries=ends,
        head_entries=head,
        own_head_entries=counts.output_head,
        in_use_entries=a.hidden * max(a.ffn_hidden, query, output) if training.freezes_in_four_bits else 0.0,
        dequantised=(NF4_BYTES + SIXTEEN_BIT_BYTES) * matrices / a.layers if training.freezes_in_four_bits else 0.0,
        weight_bytes=4.0 if frozen else 2.0,
        gradient_bytes=4.0,
        state_bytes=8.0 if frozen else state_bytes,
        sharded_state_bytes=8.0 if frozen else state_bytes - 4.0,
        optimizer_traffic=optimizer_traffic,
        optimizer_flops=_muon_flops(a) if training.optimizer == "muon" else 0.0,
        passes=2.0 if frozen else 3.0,
        eight_bit=1.0 if training.precision in ("fp8", "mxfp8") else 0.0,
        four_bit=1.0 if training.precision == "nvfp4" else 0.0,
        fused_attention=1.0 if fused_attention else 0.0,
    )


def _layer_parameters(a: Architecture) -> tuple[float, float, float]:
    """Of a layer without experts, of one with experts less these, and of its routed experts; the norm at the end is
    shared out."""
    counts = count_parameters(a)
    if a.experts is None:
        return counts.non_embedding / a.layers, counts.non_embedding / a.layers, 0.0
    dense = count_parameters(replace(a, experts=None)).non_embedding / a.layers
    routed = (counts.active_experts + counts.other_experts) / a.expert_layers
    rest = counts.non_embedding - routed * a.expert_layers - dense * (a.layers - a.expert_layers)
    return dense, rest / a.expert_layers, routed


def _muon_flops(a: Architecture) -> float:
    """Operations for one parameter: five Newton-Schulz iterations of three products each (Jordan et al. 2024), on an
    n x m matrix with n <= m 4 n^2 m + 2 n^3 operations an iteration; that of the model's most common matrix."""
    width = a.experts.ffn_hidden if a.experts else a.ffn_hidden
    n, m = min(a.hidden, width), max(a.hidden, width)
    return MUON_ITERATIONS * (4.0 * n + 2.0 * n * n / m)
