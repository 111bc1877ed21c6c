from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.workload import Architecture, count_parameters, published_models, read_huggingface_config
from tests.workload.documents import ABSENT, CONFIG, DEEPSEEK_V2_LITE, changed, write_config

EXAMPLES = Path(__file__).parents[2] / "examples"
FAMILY = {
    "llama": "Llama",
    "mistral": "Mistral",
    "qwen2": "Qwen2",
    "qwen3": "Qwen3",
    "phi3": "Phi3",
    "olmo": "Olmo",
    "olmo2": "Olmo2",
    "gemma": "Gemma",
    "gemma2": "Gemma2",
    "gemma3_text": "Gemma3",
    "gpt_neox": "GPTNeoX",
    "falcon": "Falcon",
    "mixtral": "Mixtral",
    "qwen2_moe": "Qwen2Moe",
    "qwen3_moe": "Qwen3Moe",
    "deepseek_v2": "DeepseekV2",
    "deepseek_v3": "DeepseekV3",
}


def read(folder: Path, **changes: Any) -> Architecture:
    config = CONFIG | {"architectures": [f"{FAMILY.get(str(changes.get('model_type', 'llama')))}ForCausalLM"]}
    return read_huggingface_config(write_config(folder / "config.json", changed(config, **changes)))


def complaint(folder: Path, **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, **changes)
    return str(caught.value)


def test_a_bare_llama_config_has_the_defaults_of_the_format(tmp_path: Path) -> None:
    assert read(tmp_path) == Architecture(
        layers=32, hidden=4096, heads=32, kv_heads=32, head_dim=128, ffn_hidden=11008, vocab=32000
    )


def test_null_means_the_default_where_the_format_says_so(tmp_path: Path) -> None:
    assert read(tmp_path, num_key_value_heads=None, head_dim=None) == read(tmp_path)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        (
            "llama-3.2-3b",
            {
                "model_type": "llama",
                "hidden_size": 3072,
                "num_hidden_layers": 28,
                "num_attention_heads": 24,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "intermediate_size": 8192,
                "vocab_size": 128256,
                "tie_word_embeddings": True,
            },
        ),
        ("mistral-7b-v0.1", {"model_type": "mistral", "intermediate_size": 14336, "num_key_value_heads": 8}),
        (
            "mistral-nemo-12b",
            {
                "model_type": "mistral",
                "hidden_size": 5120,
                "num_hidden_layers": 40,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "intermediate_size": 14336,
                "vocab_size": 131072,
                "sliding_window": None,
            },
        ),
        (
            "qwen2.5-7b",
            {
                "model_type": "qwen2",
                "hidden_size": 3584,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "intermediate_size": 18944,
                "vocab_size": 152064,
                "use_sliding_window": False,
                "sliding_window": 131072,
                "max_window_layers": 28,
            },
        ),
        (
            "qwen3-32b",
            {
                "model_type": "qwen3",
                "hidden_size": 5120,
                "num_hidden_layers": 64,
                "num_attention_heads": 64,
                "num_key_value_heads": 8,
                "intermediate_size": 25600,
                "vocab_size": 151936,
            },
        ),
        (
            "teuken-7b",
            {
                "num_key_value_heads": 2,
                "intermediate_size": 13440,
                "vocab_size": 250680,
                "tie_word_embeddings": True,
                "auto_map": {"AutoTokenizer": ["own_tokenizer.Tokenizer", None]},
            },
        ),
    ],
)
def test_a_config_and_the_table_give_the_same_architecture(tmp_path: Path, name: str, config: dict[str, Any]) -> None:
    assert read(tmp_path, **config) == published_models()[name].architecture


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("gpt-2-124m", {"model_type": "gpt2"}),
        ("gpt-2-1.5b", {"model_type": "gpt2", "n_embd": 1600, "n_layer": 48, "n_head": 25, "n_ctx": 1024}),
        ("gpt-2-355m", {"model_type": "gpt2", "n_embd": 1024, "n_layer": 24, "n_head": 16, "n_inner": 4096}),
        ("gpt-neox-20b", {"model_type": "gpt_neox"}),
        (
            "pythia-12b",
            {
                "model_type": "gpt_neox",
                "hidden_size": 5120,
                "num_hidden_layers": 36,
                "num_attention_heads": 40,
                "intermediate_size": 20480,
                "vocab_size": 50688,
                "use_parallel_residual": True,
            },
        ),
        ("falcon-7b", {"model_type": "falcon", "num_kv_heads": 71, "multi_query": True, "parallel_attn": True}),
        (
            "falcon-40b",
            {
                "model_type": "falcon",
                "hidden_size": 8192,
                "num_hidden_layers": 60,
                "num_attention_heads": 128,
                "num_kv_heads": 8,
                "new_decoder_architecture": True,
                "auto_map": {"AutoModelForCausalLM": "tiiuae/falcon-40b--modeling_falcon.FalconForCausalLM"},
            },
        ),
        (
            "falcon-rw-1b",
            {
                "model_type": "falcon",
                "hidden_size": 2048,
                "num_hidden_layers": 24,
                "num_attention_heads": 32,
                "vocab_size": 50304,
                "alibi": True,
                "bias": True,
                "multi_query": False,
                "parallel_attn": False,
            },
        ),
        ("olmo-7b", {"model_type": "olmo"}),
        (
            "olmo-1b",
            {
                "model_type": "olmo",
                "hidden_size": 2048,
                "intermediate_size": 8192,
                "num_hidden_layers": 16,
                "num_attention_heads": 16,
                "tie_word_embeddings": True,
                "clip_qkv": None,
            },
        ),
        ("olmo-2-7b", {"model_type": "olmo2", "vocab_size": 100_352}),
        (
            "olmo-2-32b",
            {
                "model_type": "olmo2",
                "hidden_size": 5120,
                "intermediate_size": 27648,
                "num_hidden_layers": 64,
                "num_attention_heads": 40,
                "num_key_value_heads": 8,
                "vocab_size": 100_352,
            },
        ),
        (
            "phi-4",
            {
                "model_type": "phi3",
                "hidden_size": 5120,
                "intermediate_size": 17920,
                "num_hidden_layers": 40,
                "num_attention_heads": 40,
                "num_key_value_heads": 10,
                "vocab_size": 100_352,
                "auto_map": {"AutoModelForCausalLM": "modeling_phi3.Phi3ForCausalLM"},
            },
        ),
        ("phi-3-mini", {"model_type": "phi3", "sliding_window": 2048}),
        ("gemma-7b", {"model_type": "gemma"}),
        (
            "gemma-2b",
            {
                "model_type": "gemma",
                "hidden_size": 2048,
                "intermediate_size": 16384,
                "num_hidden_layers": 18,
                "num_attention_heads": 8,
                "num_key_value_heads": 1,
            },
        ),
        ("gemma-2-2b", {"model_type": "gemma2"}),
        (
            "gemma-2-27b",
            {
                "model_type": "gemma2",
                "hidden_size": 4608,
                "intermediate_size": 36864,
                "num_hidden_layers": 46,
                "num_attention_heads": 32,
                "num_key_value_heads": 16,
                "head_dim": 128,
                "layer_types": ["sliding_attention", "full_attention"] * 23,
            },
        ),
        (
            "gemma-3-1b",
            {
                "model_type": "gemma3_text",
                "hidden_size": 1152,
                "intermediate_size": 6912,
                "num_attention_heads": 4,
                "num_key_value_heads": 1,
                "vocab_size": 262_144,
                "sliding_window": 512,
                "sliding_window_pattern": 6,
            },
        ),
        (
            "gemma-3-27b",
            {
                "model_type": "gemma3_text",
                "hidden_size": 5376,
                "intermediate_size": 21504,
                "num_hidden_layers": 62,
                "num_attention_heads": 32,
                "num_key_value_heads": 16,
                "head_dim": 128,
                "vocab_size": 262_144,
                "sliding_window": 1024,
            },
        ),
    ],
)
def test_what_a_family_leaves_out_has_the_default_of_its_format(
    tmp_path: Path, name: str, config: dict[str, Any]
) -> None:
    """Published sizes alone, or nothing at all where the defaults are those of a published model."""
    architecture = read_huggingface_config(write_config(tmp_path / "config.json", config))
    assert architecture == published_models()[name].architecture


@pytest.mark.parametrize(
    ("flags", "kv_heads", "norms"),
    [
        ({}, 1, 1),
        ({"multi_query": False}, 71, 1),
        ({"parallel_attn": False}, 1, 2),
        ({"new_decoder_architecture": True}, 71, 2),
        ({"new_decoder_architecture": True, "multi_query": True, "num_ln_in_parallel_attn": 1}, 71, 1),
    ],
)
def test_falcon_has_two_decoders(tmp_path: Path, flags: dict[str, Any], kv_heads: int, norms: int) -> None:
    architecture = read_huggingface_config(write_config(tmp_path / "config.json", {"model_type": "falcon"} | flags))
    assert (architecture.kv_heads, architecture.norms_per_layer) == (kv_heads, norms)


def test_gpt_2_names_its_sizes_in_its_own_way(tmp_path: Path) -> None:
    file = write_config(tmp_path / "config.json", {"model_type": "gpt2", "hidden_size": 1024, "n_layer": 0})
    with pytest.raises(InputError) as caught:
        read_huggingface_config(file)
    for part in ("hidden_size: this family does not read it (got '1024'); allowed: n_embd", "n_layer: must be at"):
        assert part in str(caught.value)
    both = {"model_type": "gpt2", "hidden_size": 1024, "n_embd": 1024, "n_head": 16}
    assert read_huggingface_config(write_config(file, both)).hidden == 1024


def test_the_example_is_qwen3_8b() -> None:
    architecture = read_huggingface_config(EXAMPLES / "from-config/config.json")
    assert architecture == published_models()["qwen3-8b"].architecture


@pytest.mark.parametrize(
    ("model_type", "biases"),
    [("llama", (True, True)), ("qwen3", (True, True)), ("qwen2", (True, False)), ("mistral", (False, False))],
)
def test_biases_are_where_each_family_has_them(tmp_path: Path, model_type: str, biases: tuple[bool, bool]) -> None:
    asked = {} if model_type in ("qwen2", "mistral") else {"attention_bias": True}
    architecture = read(tmp_path, model_type=model_type, **asked)
    assert (architecture.attention_bias, architecture.output_bias) == biases


def test_llama_can_have_biases_in_its_mlp(tmp_path: Path) -> None:
    with_bias = count_parameters(read(tmp_path, mlp_bias=True)).mlp
    assert with_bias - count_parameters(read(tmp_path)).mlp == 32 * (2 * 11008 + 4096)


def test_key_value_heads_left_out_follow_each_family(tmp_path: Path) -> None:
    assert read(tmp_path, num_attention_heads=64).kv_heads == 64
    assert read(tmp_path, num_attention_heads=64, model_type="mistral").kv_heads == 8
    assert read(tmp_path, num_attention_heads=64, model_type="qwen2").kv_heads == 32


def test_qwen3_has_heads_of_128_whatever_its_width(tmp_path: Path) -> None:
    architecture = read(tmp_path, model_type="qwen3", hidden_size=1024, num_attention_heads=16, num_key_value_heads=8)
    assert architecture.head_dim == 128
    assert architecture.qk_norm


@pytest.mark.parametrize(
    ("config", "window", "layers"),
    [
        ({"model_type": "mistral"}, 4096, 32),
        ({"model_type": "mistral", "sliding_window": 1024}, 1024, 32),
        ({"model_type": "mistral", "sliding_window": None}, None, 0),
        ({"model_type": "qwen2", "sliding_window": 1024}, None, 0),
        ({"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 1024}, 1024, 4),
        ({"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 40}, None, 0),
        (
            {
                "model_type": "qwen3",
                "use_sliding_window": True,
                "layer_types": ["full_attention", "sliding_attention"] * 16,
            },
            4096,
            16,
        ),
        ({"model_type": "qwen3", "layer_types": ["sliding_attention"] * 32}, None, 0),
        ({"use_sliding_window": False, "sliding_window": 4096}, None, 0),
        ({"layer_types": ["full_attention"] * 32}, None, 0),
    ],
)
def test_windows_are_counted_in_layers(tmp_path: Path, config: dict[str, Any], window: int | None, layers: int) -> None:
    architecture = read(tmp_path, **config)
    assert (architecture.attention_window, architecture.windowed_layers) == (window, layers)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"model_type": ABSENT}, ["model_type", "is missing", "llama, mistral, qwen2, qwen3"]),
        ({"model_type": "lama"}, ["model_type", "got 'lama'", "did you mean 'llama'"]),
        ({"model_type": "bloom"}, ["model_type", "got 'bloom'", "llama, mistral, qwen2, qwen3", "falcon"]),
        ({"model_type": "qwen3_next"}, ["model_type", "not supported", "did you mean 'qwen3"]),
        ({"model_type": "deepseek_v32"}, ["model_type", "not supported", "did you mean 'deepseek_v3'"]),
        ({"model_type": "gemma3"}, ["model_type", "not supported", "did you mean 'gemma"]),
        ({"model_type": "gemma", "use_bidirectional_attention": True}, ["use_bidirectional", "later tokens"]),
        ({"model_type": "falcon", "num_key_value_heads": 8}, ["num_key_value_heads", "num_kv_heads"]),
        ({"model_type": "falcon", "num_ln_in_parallel_attn": 3}, ["num_ln_in_parallel_attn", "1 or 2"]),
        (
            {"model_type": "falcon", "num_attention_heads": 30, "intermediate_size": ABSENT},
            ["num_attention_heads", "hidden_size = 4096"],
        ),
        ({"model_type": "gpt_neox", "head_dim": 64}, ["head_dim", "does not read it", "without this key"]),
        ({"model_type": "gemma2", "layer_types": ["full_attention"]}, ["layer_types", "every layer", "32"]),
        ({"model_type": "gemma3_text", "sliding_window_pattern": 0}, ["sliding_window_pattern", "at least 1"]),
        ({"model_type": "llama", "auto_map": {"AutoModel": "modeling_llama.LlamaModel"}}, ["auto_map"]),
        ({"model_type": "falcon", "auto_map": {"AutoModel": "modeling_mine.FalconModel"}}, ["auto_map"]),
        ({"model_type": ["llama"]}, ["model_type", "a nested value"]),
        ({"hidden_size": ABSENT}, ["hidden_size", "is missing"]),
        ({"num_hidden_layers": 0}, ["num_hidden_layers", "at least 1"]),
        ({"num_hidden_layers": "32"}, ["num_hidden_layers", "got '32'", "whole number"]),
        ({"vocab_size": 32000.0}, ["vocab_size", "got 32000.0"]),
        ({"vocab_size": True}, ["vocab_size", "got True"]),
        ({"hidden_size": 10**12}, ["hidden_size", "too large"]),
        ({"num_attention_heads": 30}, ["num_attention_heads", "hidden_size = 4096 cannot be divided", "head_dim"]),
        ({"num_key_value_heads": 5}, ["num_key_value_heads", "num_attention_heads = 32", "1, 2, 4, 8, 16, 32"]),
        ({"num_key_value_head": 8}, ["num_key_value_head", "did you mean 'num_key_value_heads'"]),
        ({"tie_word_embedding": True}, ["tie_word_embedding", "did you mean 'tie_word_embeddings'"]),
        ({"tie_word_embeddings": "yes"}, ["tie_word_embeddings", "true or false"]),
        ({"num_local_experts": 8}, ["num_local_experts", "mixture of experts", "got '8'"]),
        ({"n_routed_experts": 64, "model_type": "qwen3"}, ["n_routed_experts", "mixture of experts"]),
        ({"vision_config": {"hidden_size": 1024}}, ["vision_config", "images"]),
        ({"text_config": {"hidden_size": 1024}}, ["text_config", "images"]),
        ({"kv_lora_rank": 512}, ["kv_lora_rank", "latent attention"]),
        ({"num_nextn_predict_layers": 1}, ["num_nextn_predict_layers", "prediction layers"]),
        ({"auto_map": {"AutoModelForCausalLM": "own.Model"}}, ["auto_map", "code of its own"]),
        ({"qkv_bias": True}, ["qkv_bias", "number of parameters"]),
        ({"model_type": "mistral", "attention_bias": True}, ["attention_bias", "number of parameters"]),
        ({"use_qk_norm": True}, ["use_qk_norm", "number of parameters"]),
        ({"add_cross_attention": True}, ["add_cross_attention", "number of parameters"]),
        ({"num_kv_heads": 8}, ["num_kv_heads", "does not read", "num_key_value_heads"]),
        ({"num_layers": 24}, ["num_layers", "does not read", "num_hidden_layers"]),
        ({"sliding_window": 4096}, ["sliding_window", "no sliding window"]),
        ({"layer_types": ["sliding_attention"] * 32}, ["layer_types", "one kind of layer"]),
        ({"layer_types": 3}, ["layer_types", "one kind of layer"]),
        ({"model_type": "qwen3", "layer_types": ["full_attention"]}, ["layer_types", "every layer", "32"]),
        ({"model_type": "qwen3", "layer_types": ["linear_attention"] * 32}, ["layer_types", "sliding_attention"]),
        ({"architectures": ["LlamaForSequenceClassification"]}, ["architectures", "LlamaForCausalLM"]),
        ({"architectures": ["MixtralForCausalLM"]}, ["architectures", "got 'MixtralForCausalLM'"]),
    ],
)
def test_what_would_be_another_model_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], parts: list[str]
) -> None:
    text = complaint(tmp_path, **changes)
    assert "config.json" in text
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    "harmless",
    [
        {"num_local_experts": 0, "vision_config": None, "qkv_bias": False},
        {"num_layers": 32, "d_model": 4096},  # another family's names beside the right ones
        {"rope_scaling": {"factor": 8.0}, "torch_dtype": "bfloat16", "quantization_config": {"bits": 4}},
        {"auto_map": {"AutoTokenizer": ["own.Tokenizer", None]}},
        {"pretraining_tp": 1, "max_position_embeddings": 4096, "attention_dropout": 0.0, "head_dim": 128},
        {"architectures": ["LLaMAForCausalLM"]},
        {"unsloth_fixed": True, "_name_or_path": "x", "transformers_version": "4.50"},
    ],
)
def test_keys_without_effect_on_the_shape_are_let_be(tmp_path: Path, harmless: dict[str, Any]) -> None:
    assert read(tmp_path, **harmless) == read(tmp_path)


def test_all_mistakes_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    text = complaint(tmp_path, vocab_size="many", num_hidden_layers=0, n_routed_experts=8, sliding_window=3)
    for key in ("vocab_size", "num_hidden_layers", "n_routed_experts", "sliding_window"):
        assert key in text


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{\n "model_type": "llama",\n "vocab_size": 32000,\n}')
    with pytest.raises(InputError, match=r"config\.json: not valid JSON: .*line 4"):
        read_huggingface_config(file)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"llama"', "[" * 100_000, '{"x": ' + "9" * 5000 + "}", "", "NaN"])
def test_what_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(InputError, match=r"config\.json"):
        read_huggingface_config(file)


def test_a_file_too_large_to_be_a_config_is_refused_by_its_size(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    with file.open("wb") as handle:
        handle.truncate(10**9)  # takes no room on the disk
    with pytest.raises(InputError, match=r"1,000,000,000 bytes.*at most 10,000,000"):
        read_huggingface_config(file)


@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "random.json"
    file.write_bytes(content)
    with pytest.raises(InputError):
        read_huggingface_config(file)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        *CONFIG,
        "num_key_value_heads",
        "head_dim",
        "tie_word_embeddings",
        "attention_bias",
        "sliding_window",
        "use_sliding_window",
        "max_window_layers",
        "layer_types",
        "auto_map",
        "num_experts",
        "num_layers",
        "n_embd",
        "multi_query",
        "new_decoder_architecture",
        "bias",
        "sliding_window_pattern",
        "num_local_experts",
        "num_experts_per_tok",
        "moe_intermediate_size",
        "mlp_only_layers",
        "decoder_sparse_step",
        "first_k_dense_replace",
        "n_shared_experts",
        "q_lora_rank",
    ]
)


@given(
    family=st.sampled_from(sorted(FAMILY)),
    changes=st.dictionaries(KEYS | st.text(max_size=20), JSON_VALUES, max_size=3),
)
def test_a_config_with_any_values_is_read_or_refused(
    family: str, changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = CONFIG | {"model_type": family, "architectures": [f"{FAMILY[family]}ForCausalLM"]}
    config |= DEEPSEEK_V2_LITE if family == "deepseek_v2" else {}
    config |= changes
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_text(json.dumps(config))
    try:
        architecture = read_huggingface_config(file)
    except InputError:
        return
    assert architecture.heads % architecture.kv_heads == 0
    assert architecture.windowed_layers <= architecture.layers
    assert count_parameters(architecture).total > 0
