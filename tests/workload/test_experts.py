"""Mixtures of experts and latent attention: counts, FLOPs, the cache, config.json and the written-out form."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload import (
    Architecture,
    Experts,
    LatentAttention,
    architecture_from_values,
    count_parameters,
    flops_per_token,
    kv_cache_elements_per_token,
    published_models,
    read_huggingface_config,
    read_workload,
)
from tests.workload.documents import ABSENT, DEEPSEEK_V2_LITE, WORKLOAD, changed, write_config, write_workload

DENSE = Architecture(layers=12, hidden=768, heads=12, kv_heads=4, head_dim=64, ffn_hidden=2048, vocab=32000)


@st.composite
def mixtures(draw: st.DrawFn) -> Architecture:
    layers, routed, heads = draw(st.integers(1, 64)), draw(st.integers(1, 64)), draw(st.integers(1, 32))
    rank = st.none() | st.integers(1, 2048)
    latent = st.builds(LatentAttention, st.integers(1, 1024), st.integers(1, 64), st.integers(1, 256), rank)
    return Architecture(
        layers=layers,
        hidden=draw(st.integers(1, 8192)),
        heads=heads,
        kv_heads=heads,
        head_dim=draw(st.integers(1, 256)),
        ffn_hidden=draw(st.integers(1, 20_000)),
        vocab=draw(st.integers(1, 200_000)),
        norm_parameters=draw(st.sampled_from((0, 1, 2))),
        latent_attention=draw(st.none() | latent),
        experts=Experts(
            routed=routed,
            per_token=draw(st.integers(1, routed)),
            ffn_hidden=draw(st.integers(1, 4096)),
            shared_ffn_hidden=draw(st.integers(0, 4096)),
            dense_layers=draw(st.integers(0, layers - 1)),
            router_bias=draw(st.booleans()),
            shared_gate=draw(st.booleans()),
        ),
        **{
            name: draw(st.booleans())
            for name in ("gated_mlp", "tied_embeddings", "attention_bias", "output_bias", "mlp_bias")
        },
    )


@given(mixtures())
def test_parts_equal_a_count_over_every_tensor(architecture: Architecture) -> None:
    assert count_parameters(architecture).total == sum(_tensor_sizes(architecture))


@given(mixtures())
def test_no_more_parameters_are_active_than_there_are(architecture: Architecture) -> None:
    parameters = count_parameters(architecture)
    assert parameters.active <= parameters.total
    assert architecture.experts is not None
    everywhere = dataclasses.replace(architecture.experts, per_token=architecture.experts.routed)
    asked_all = count_parameters(dataclasses.replace(architecture, experts=everywhere))
    assert asked_all.active == asked_all.total == parameters.total


@given(mixtures())
def test_flops_without_attention_are_two_for_each_active_weight_of_a_matrix(architecture: Architecture) -> None:
    bare = dataclasses.replace(
        architecture, norm_parameters=0, attention_bias=False, output_bias=False, mlp_bias=False, tied_embeddings=True
    )
    bare = dataclasses.replace(bare, experts=dataclasses.replace(bare.experts, router_bias=False))
    flops = flops_per_token(bare, 1024)
    # An embedding that is also the head is looked up once and multiplied once.
    products = flops.forward - flops.attention_scores - flops.attention_values
    assert products == pytest.approx(2 * count_parameters(bare).active, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        # huggingface.co/mistral-community/Mixtral-8x22B-v0.1/discussions/6 prints both
        ("mixtral-8x22b", 140_620_634_112, 39_152_031_744),
        ("mixtral-8x7b", 46_702_792_704, 12.9e9),
        ("qwen3-30b-a3b", 30_532_122_624, 3.3e9),
        ("qwen3-235b-a22b", 235_093_634_560, 22e9),
        ("qwen2-57b-a14b", 57_408_658_944, 14e9),
        ("qwen1.5-moe-a2.7b", 14_315_784_192, 2.7e9),
        ("deepseek-v2", 235_741_434_880, 21e9),
        ("deepseek-v3", 671_026_419_200, 37e9),
    ],
)
def test_total_and_active_parameters_are_the_published_ones(name: str, total: int, active: float) -> None:
    parameters = count_parameters(published_models()[name].architecture)
    assert parameters.total == total
    assert parameters.active == pytest.approx(active, rel=0.0 if isinstance(active, int) else 0.02)


def test_active_parameters_that_deepseek_states_leave_the_embedding_out() -> None:
    """2.4B (README of DeepSeek-V2) and 36.7B (README_WEIGHTS of DeepSeek-V3) are met without the look-up table."""
    lite, v3 = (count_parameters(published_models()[name].architecture) for name in ("deepseek-v2-lite", "deepseek-v3"))
    assert lite.total == 15_706_484_224
    assert lite.active - lite.embedding == pytest.approx(2.4e9, rel=0.03)
    assert v3.active - v3.embedding == pytest.approx(36.7e9, rel=0.005)


def test_the_kv_cache_of_deepseek_v2_is_the_papers() -> None:
    """DeepSeek-V2 (arXiv:2405.04434), table 1: 4.5 head widths per layer, 2 n d for every head's own keys."""
    v2 = published_models()["deepseek-v2"].architecture
    assert kv_cache_elements_per_token(v2) == 60 * 9 * 128 // 2
    plain = dataclasses.replace(v2, latent_attention=None)
    assert kv_cache_elements_per_token(plain) == 60 * 2 * 128 * 128


@pytest.mark.parametrize(
    ("name", "cached_bytes"), [("deepseek-v3", 70_272), ("qwen2.5-72b", 327_680), ("llama-3.1-405b", 516_096)]
)
def test_the_kv_cache_in_two_bytes_is_the_published_one(name: str, cached_bytes: int) -> None:
    """DeepSeek-AI, Insights into DeepSeek-V3 (arXiv:2505.09343), table 1."""
    assert 2 * kv_cache_elements_per_token(published_models()[name].architecture) == cached_bytes


def test_training_flops_of_deepseek_v3_are_the_published_ones() -> None:
    """DeepSeek-AI, Insights into DeepSeek-V3 (arXiv:2505.09343), table 2: 250 GFLOP per token at 4,096 tokens."""
    assert round(flops_per_token(published_models()["deepseek-v3"].architecture, 4096).training / 1e9) == 250


def test_flops_of_one_latent_layer_counted_by_hand() -> None:
    a = Architecture(
        layers=1, hidden=64, heads=4, kv_heads=4, head_dim=16, ffn_hidden=128, vocab=100,
        latent_attention=LatentAttention(key_value_rank=32, rope_head_dim=8, value_head_dim=12, query_rank=24),
        experts=Experts(routed=6, per_token=2, ffn_hidden=20, shared_ffn_hidden=40),
    )  # fmt: skip
    flops = flops_per_token(a, 1000)
    assert flops.query_key_value == 2 * (64 * 24 + 24 * 4 * 24 + 64 * (32 + 8) + 32 * 4 * (16 + 12))
    assert flops.attention_scores == 2 * 500 * 4 * (16 + 8)
    assert flops.attention_values == 2 * 500 * 4 * 12
    assert flops.attention_output == 2 * 4 * 12 * 64
    assert flops.mlp == 2 * (3 * 64 * 40 + 64 * 6)
    assert flops.experts == 2 * 2 * 3 * 64 * 20


def test_one_expert_is_a_dense_model_with_a_router() -> None:
    one = dataclasses.replace(DENSE, experts=Experts(routed=1, per_token=1, ffn_hidden=DENSE.ffn_hidden))
    router = DENSE.layers * DENSE.hidden
    assert count_parameters(one).total == count_parameters(DENSE).total + router
    assert count_parameters(one).active == count_parameters(one).total
    assert flops_per_token(one, 2048).forward == flops_per_token(DENSE, 2048).forward + 2 * router


@given(mixtures())
def test_an_architecture_comes_back_from_its_values(architecture: Architecture) -> None:
    assert architecture_from_values(dataclasses.asdict(architecture)) == architecture


QWEN3_30B_A3B = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "attention_bias": False,
    "decoder_sparse_step": 1,
    "head_dim": 128,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "max_window_layers": 48,
    "mlp_only_layers": [],
    "model_type": "qwen3_moe",
    "moe_intermediate_size": 768,
    "norm_topk_prob": True,
    "num_attention_heads": 32,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 48,
    "num_key_value_heads": 4,
    "output_router_logits": False,
    "qkv_bias": False,
    "router_aux_loss_coef": 0.001,
    "shared_expert_intermediate_size": 0,
    "sliding_window": None,
    "use_qk_norm": True,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
DEEPSEEK_V3_CONFIG = {
    "model_type": "deepseek_v3",
    "num_nextn_predict_layers": 1,
    "topk_method": "noaux_tc",
    "head_dim": 64,
    "quantization_config": {"quant_method": "fp8"},
}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("mixtral-8x7b", {"model_type": "mixtral"}),
        (
            "mixtral-8x22b",
            {
                "model_type": "mixtral",
                "hidden_size": 6144,
                "intermediate_size": 16384,
                "num_attention_heads": 48,
                "num_hidden_layers": 56,
                "router_aux_loss_coef": 0.001,
                "router_jitter_noise": 0.1,
                "sliding_window": None,
            },
        ),
        ("qwen1.5-moe-a2.7b", {"model_type": "qwen2_moe"}),
        (
            "qwen2-57b-a14b",
            {
                "model_type": "qwen2_moe",
                "hidden_size": 3584,
                "intermediate_size": 18944,
                "moe_intermediate_size": 2560,
                "num_attention_heads": 28,
                "num_experts": 64,
                "num_experts_per_tok": 8,
                "num_hidden_layers": 28,
                "num_key_value_heads": 4,
                "router_aux_loss_coef": 0.001,
                "shared_expert_intermediate_size": 20480,
                "sliding_window": 131072,
            },
        ),
        ("qwen3-30b-a3b", QWEN3_30B_A3B),
        ("qwen3-30b-a3b", changed(QWEN3_30B_A3B, num_experts=ABSENT, num_local_experts=128)),
        ("deepseek-v2-lite", DEEPSEEK_V2_LITE),
        (
            "deepseek-v2",
            DEEPSEEK_V2_LITE
            | {
                "hidden_size": 5120,
                "intermediate_size": 12288,
                "moe_intermediate_size": 1536,
                "n_routed_experts": 160,
                "num_attention_heads": 128,
                "num_hidden_layers": 60,
                "num_key_value_heads": 128,
                "q_lora_rank": 1536,
            },
        ),
        ("deepseek-v3", DEEPSEEK_V3_CONFIG),
    ],
)
def test_a_config_and_the_table_give_the_same_architecture(tmp_path: Path, name: str, config: dict[str, Any]) -> None:
    assert (
        read_huggingface_config(write_config(tmp_path / "config.json", config)) == published_models()[name].architecture
    )


@pytest.mark.parametrize(
    ("config", "dense_layers"),
    [
        (QWEN3_30B_A3B | {"decoder_sparse_step": 2}, 24),  # layers 1, 3, 5, … have experts
        (QWEN3_30B_A3B | {"mlp_only_layers": [0, 1, 47]}, 3),
        (QWEN3_30B_A3B | {"mlp_only_layers": [0, 1], "decoder_sparse_step": 2}, 25),
        (DEEPSEEK_V2_LITE | {"moe_layer_freq": 2}, 14),  # 2, 4, …, 26 have experts
        (DEEPSEEK_V2_LITE | {"first_k_dense_replace": 0}, 0),
    ],
)
def test_layers_without_experts_are_counted(tmp_path: Path, config: dict[str, Any], dense_layers: int) -> None:
    experts = read_huggingface_config(write_config(tmp_path / "config.json", config)).experts
    assert experts is not None
    assert experts.dense_layers == dense_layers


@pytest.mark.parametrize(
    ("config", "window", "layers"),
    [
        ({"model_type": "mixtral", "sliding_window": 4096}, 4096, 32),
        ({"model_type": "qwen2_moe", "use_sliding_window": True, "max_window_layers": 5}, 4096, 3),
        ({"model_type": "qwen3_moe", "use_sliding_window": True}, 4096, 24),
        ({"model_type": "qwen3_moe"}, None, 0),
    ],
)
def test_windows_follow_each_family(tmp_path: Path, config: dict[str, Any], window: int | None, layers: int) -> None:
    architecture = read_huggingface_config(write_config(tmp_path / "config.json", config))
    assert (architecture.attention_window, architecture.windowed_layers) == (window, layers)


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        (QWEN3_30B_A3B | {"num_experts_per_tok": 129}, ["num_experts_per_tok", "more than there are", "1 to 128"]),
        (QWEN3_30B_A3B | {"num_experts": 0}, ["num_experts", "at least 1"]),
        (QWEN3_30B_A3B | {"num_local_experts": 64}, ["num_local_experts", "no mixture of experts of this kind"]),
        (QWEN3_30B_A3B | {"shared_expert_intermediate_size": 512}, ["shared_expert_intermediate_size"]),
        (QWEN3_30B_A3B | {"qkv_bias": True}, ["qkv_bias", "number of parameters"]),
        (QWEN3_30B_A3B | {"decoder_sparse_step": 100}, ["of 48 layers none is left with experts"]),
        (QWEN3_30B_A3B | {"mlp_only_layers": ["1"]}, ["mlp_only_layers", "list of layer numbers"]),
        (QWEN3_30B_A3B | {"kv_lora_rank": 512}, ["kv_lora_rank", "no latent attention"]),
        ({"model_type": "mixtral", "moe_intermediate_size": 512}, ["moe_intermediate_size", "of this kind"]),
        ({"model_type": "mixtral", "first_k_dense_replace": 1}, ["first_k_dense_replace", "of this kind"]),
        ({"model_type": "mixtral", "architectures": ["Qwen2MoeForCausalLM"]}, ["architectures", "MixtralForCausalLM"]),
        (changed(DEEPSEEK_V2_LITE, q_lora_rank=ABSENT), ["q_lora_rank", "is missing"]),
        (changed(DEEPSEEK_V2_LITE, n_routed_experts=None), ["n_routed_experts"]),
        (DEEPSEEK_V2_LITE | {"num_nextn_predict_layers": 1}, ["num_nextn_predict_layers", "prediction layers"]),
        (DEEPSEEK_V2_LITE | {"num_key_value_heads": 4}, ["num_key_value_heads", "keys and values of its own", "16"]),
        (DEEPSEEK_V2_LITE | {"first_k_dense_replace": 27}, ["of 27 layers none is left with experts"]),
        (
            DEEPSEEK_V2_LITE | {"auto_map": {"AutoModel": "modeling_mine.DeepseekV2Model"}},
            ["auto_map", "code of its own"],
        ),
        (DEEPSEEK_V3_CONFIG | {"index_topk_experts": 4}, ["index_topk_experts", "of this kind"]),
    ],
)
def test_what_would_be_another_mixture_is_refused_by_name(
    tmp_path: Path, config: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read_huggingface_config(write_config(tmp_path / "config.json", config))
    for part in parts:
        assert part in str(caught.value)


EXPERTS = {"routed": 8, "per_token": 2}
LATENT = {"key_value_rank": 512, "rope_head_dim": 64, "value_head_dim": 128}


def test_experts_and_latent_attention_can_be_written_out(tmp_path: Path) -> None:
    experts = EXPERTS | {"ffn_hidden": 1024, "shared_ffn_hidden": 2048, "dense_layers": 1, "router_bias": True}
    document = changed(
        WORKLOAD, model__kv_heads=ABSENT, model__experts=experts, model__latent_attention=LATENT | {"query_rank": 768}
    )
    architecture = read_workload(write_workload(tmp_path / "test.toml", document)).architecture
    assert architecture.experts == Experts(8, 2, 1024, shared_ffn_hidden=2048, dense_layers=1, router_bias=True)
    assert architecture.latent_attention == LatentAttention(512, 64, 128, query_rank=768)


def test_experts_without_a_width_are_as_wide_as_the_block_they_replace(tmp_path: Path) -> None:
    document = changed(WORKLOAD, model__experts=EXPERTS)
    architecture = read_workload(write_workload(tmp_path / "test.toml", document)).architecture
    assert architecture.experts == Experts(routed=8, per_token=2, ffn_hidden=architecture.ffn_hidden)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"experts": EXPERTS | {"per_token": 9}}, ["model.experts.per_token", "more than there are", "got 9"]),
        ({"experts": EXPERTS | {"dense_layers": 32}}, ["model", "of 32 layers none is left with experts"]),
        ({"experts": {"per_token": 2}}, ["model.experts.routed", "is missing", "whole number"]),
        ({"experts": EXPERTS | {"experts": 3}}, ["model.experts.experts", "unknown key"]),
        ({"experts": 8}, ["model.experts", "got 8", "a section [model.experts]"]),
        ({"latent_attention": LATENT}, ["model.kv_heads", "keys and values of its own", "got 8"]),
        ({"latent_attention": LATENT | {"rank": 3}}, ["model.latent_attention.rank", "unknown key"]),
        (
            {"latent_attention": LATENT, "kv_heads": ABSENT, "qk_norm": True},
            ["model.qk_norm", "norms of its own", "false"],
        ),
    ],
)
def test_a_mistake_in_a_nested_table_is_named(tmp_path: Path, changes: dict[str, Any], parts: list[str]) -> None:
    document = changed(WORKLOAD, **{f"model__{key}": value for key, value in changes.items()})
    with pytest.raises(InputErrors) as caught:
        read_workload(write_workload(tmp_path / "test.toml", document))
    for part in parts:
        assert part in str(caught.value)


def test_mistakes_of_all_tables_of_a_model_are_reported_at_once(tmp_path: Path) -> None:
    document = changed(
        WORKLOAD, model__layers=0, model__experts={"routed": 0, "per_token": 1}, model__latent_attention={"x": 1}
    )
    with pytest.raises(InputErrors) as caught:
        read_workload(write_workload(tmp_path / "test.toml", document))
    keys = {error.key for error in caught.value.errors}
    assert {"model.layers", "model.experts.routed", "model.latent_attention.x"} <= keys


def _tensor_sizes(a: Architecture) -> list[int]:
    """The size of every tensor, as a training program would create them."""
    sizes = [a.vocab * a.hidden] * (1 if a.tied_embeddings else 2) + [a.hidden * a.norm_parameters]
    for layer in range(a.layers):
        sizes += _attention_tensors(a) + [a.hidden * a.norm_parameters] * 2
        assert a.experts is not None
        if layer < a.experts.dense_layers:
            sizes += _block_tensors(a, a.ffn_hidden)
            continue
        for _ in range(a.experts.routed):
            sizes += _block_tensors(a, a.experts.ffn_hidden)
        sizes += _block_tensors(a, a.experts.shared_ffn_hidden) if a.experts.shared_ffn_hidden else []
        sizes += [a.hidden * a.experts.routed] + [a.experts.routed] * a.experts.router_bias
        sizes += [a.hidden] * a.experts.shared_gate
    return sizes


def _attention_tensors(a: Architecture) -> list[int]:
    latent = a.latent_attention
    output_bias = [a.hidden] * a.output_bias
    if latent is None:
        width = a.heads * a.head_dim
        return [a.hidden * width] * 4 + [width] * (3 * a.attention_bias) + output_bias
    query_width = a.heads * (a.head_dim + latent.rope_head_dim)
    narrowed = latent.key_value_rank + latent.rope_head_dim
    sizes = [a.hidden * narrowed, latent.key_value_rank * a.heads * (a.head_dim + latent.value_head_dim)]
    sizes += [latent.key_value_rank * a.norm_parameters, a.heads * latent.value_head_dim * a.hidden, *output_bias]
    sizes += [narrowed] * a.attention_bias
    if latent.query_rank is None:
        return [*sizes, a.hidden * query_width]
    rank = latent.query_rank
    return [*sizes, a.hidden * rank, rank * a.norm_parameters, rank * query_width] + [rank] * a.attention_bias


def _block_tensors(a: Architecture, width: int) -> list[int]:
    inner = 2 if a.gated_mlp else 1
    biases = [width] * inner + [a.hidden] if a.mlp_bias else []
    return [a.hidden * width] * (inner + 1) + biases
