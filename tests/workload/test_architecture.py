from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.workload import Architecture, count_parameters, flops_per_token

LLAMA_2_7B = Architecture(layers=32, hidden=4096, heads=32, kv_heads=32, head_dim=128, ffn_hidden=11008, vocab=32000)
GPT = Architecture(
    layers=24,
    hidden=2304,
    heads=24,
    kv_heads=24,
    head_dim=96,
    ffn_hidden=9216,
    vocab=51200,
    gated_mlp=False,
    tied_embeddings=True,
    attention_bias=True,
    output_bias=True,
    mlp_bias=True,
    norm_parameters=2,
    positions=2048,
)
BOOLEANS = ("gated_mlp", "tied_embeddings", "attention_bias", "output_bias", "mlp_bias", "qk_norm", "head_bias")


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    kv_heads = draw(st.integers(1, 8))
    return Architecture(
        layers=draw(st.integers(1, 100)),
        hidden=draw(st.integers(1, 20_000)),
        heads=kv_heads * draw(st.integers(1, 16)),
        kv_heads=kv_heads,
        head_dim=draw(st.integers(1, 256)),
        ffn_hidden=draw(st.integers(1, 80_000)),
        vocab=draw(st.integers(1, 300_000)),
        norm_parameters=draw(st.sampled_from((0, 1, 2))),
        norms_per_layer=draw(st.integers(0, 4)),
        positions=draw(st.integers(0, 4096)),
        qk_norm_width=draw(st.sampled_from(("head", "projection"))),
        **{name: draw(st.booleans()) for name in BOOLEANS},
    )


@given(architectures())
def test_parts_equal_a_count_over_every_tensor(architecture: Architecture) -> None:
    assert count_parameters(architecture).total == sum(_tensor_sizes(architecture))


def test_parts_of_llama_2_7b() -> None:
    parameters = count_parameters(LLAMA_2_7B)
    assert parameters.embedding == parameters.output_head == 131_072_000
    assert parameters.attention == 2_147_483_648
    assert parameters.mlp == 4_328_521_728
    assert parameters.norms == 266_240
    assert parameters.non_embedding == 6_476_271_616
    assert parameters.total == 6_738_415_616


def test_agrees_with_equation_2_of_narayanan_et_al() -> None:
    l, h, v, s = GPT.layers, GPT.hidden, GPT.vocab, GPT.positions  # noqa: E741  (the paper's letters)
    equation_2 = 12 * l * h**2 * (1 + 13 / (12 * h) + (v + s) / (12 * l * h))
    final_norm = 2 * h  # left out of the equation
    assert count_parameters(GPT).total == pytest.approx(equation_2 + final_norm, rel=1e-12)


@given(architectures(), st.sampled_from(("layers", "hidden", "head_dim", "ffn_hidden", "vocab")))
def test_more_of_anything_is_more_parameters_and_more_flops(architecture: Architecture, size: str) -> None:
    larger = dataclasses.replace(architecture, **{size: getattr(architecture, size) + 1})
    assert count_parameters(larger).total > count_parameters(architecture).total
    assert flops_per_token(larger, 1024).training > flops_per_token(architecture, 1024).training


@given(architectures())
def test_tying_saves_one_vocabulary_matrix(architecture: Architecture) -> None:
    tied, untied = (dataclasses.replace(architecture, tied_embeddings=tied) for tied in (True, False))
    saved = count_parameters(untied).total - count_parameters(tied).total
    assert saved == architecture.vocab * architecture.hidden


def test_forward_flops_agree_with_table_1_of_kaplan_et_al() -> None:
    matrices = GPT.layers * 2 * GPT.hidden * (2 * GPT.heads * GPT.head_dim + GPT.ffn_hidden)
    context = 2048
    attention = 2 * GPT.layers * context * GPT.heads * GPT.head_dim
    flops = flops_per_token(GPT, context)
    assert flops.forward - flops.logits == 2 * matrices + attention


def test_training_flops_agree_with_equation_3_of_narayanan_et_al() -> None:
    """Its fourth pass (recomputation) and the upper half of the attention matrix left out, as we count neither."""
    l, h, v, s = GPT.layers, GPT.hidden, GPT.vocab, 2048  # noqa: E741  (the paper's letters)
    three_passes_causal = 72 * l * h**2 * (1 + s / (12 * h) + v / (12 * l * h))
    assert flops_per_token(GPT, s).training == pytest.approx(three_passes_causal, rel=1e-12)


def test_training_is_three_forward_passes() -> None:
    flops = flops_per_token(LLAMA_2_7B, 4096)
    assert flops.training == 3 * flops.forward
    assert flops.forward == sum(dataclasses.astuple(flops))


@given(architectures(), st.integers(64, 2048), st.integers(1, 2048))
def test_attention_flops_agree_with_counting_the_pairs(
    architecture: Architecture, sequence_length: int, window: int
) -> None:
    windowed_layers = architecture.layers // 2
    architecture = dataclasses.replace(architecture, attention_window=window, windowed_layers=windowed_layers)
    pairs = sum(range(sequence_length)) * (architecture.layers - windowed_layers)
    pairs += sum(min(token, window) for token in range(sequence_length)) * windowed_layers
    counted = 2 * pairs / sequence_length * architecture.heads * architecture.head_dim
    flops = flops_per_token(architecture, sequence_length)
    # A token's pair with itself is half counted: of s(s+1)/2 pairs, s²/2.
    per_layer_error = architecture.layers * architecture.heads * architecture.head_dim
    assert flops.attention_scores == flops.attention_values
    assert abs(flops.attention_scores - counted) <= per_layer_error * 1.01


def test_a_window_as_long_as_the_sequence_changes_nothing() -> None:
    windowed = dataclasses.replace(LLAMA_2_7B, attention_window=4096, windowed_layers=32)
    assert flops_per_token(windowed, 4096) == flops_per_token(LLAMA_2_7B, 4096)
    assert flops_per_token(windowed, 8192).forward < flops_per_token(LLAMA_2_7B, 8192).forward


def _tensor_sizes(a: Architecture) -> list[int]:
    """The size of every tensor, as a training program would create them."""
    queries, keys = a.heads * a.head_dim, a.kv_heads * a.head_dim
    sizes = [a.vocab * a.hidden, a.positions * a.hidden]
    for _ in range(a.layers):
        sizes += [a.hidden * queries, a.hidden * keys, a.hidden * keys, queries * a.hidden]
        sizes += [queries, keys, keys] if a.attention_bias else []
        sizes += [a.hidden] if a.output_bias else []
        if a.qk_norm:
            sizes += [a.head_dim, a.head_dim] if a.qk_norm_width == "head" else [queries, keys]
        sizes += [a.hidden * a.ffn_hidden] * (2 if a.gated_mlp else 1) + [a.ffn_hidden * a.hidden]
        if a.mlp_bias:
            sizes += [a.ffn_hidden] * (2 if a.gated_mlp else 1) + [a.hidden]
        sizes += [a.hidden] * a.norm_parameters * a.norms_per_layer
    sizes += [a.hidden] * a.norm_parameters
    sizes += [] if a.tied_embeddings else [a.vocab * a.hidden]
    sizes += [a.vocab] if a.head_bias else []
    return sizes
