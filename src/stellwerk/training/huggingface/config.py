"""``config.json``: the details of a model that the workload does not know, read; and the whole file, written.

Defaults are those of the configuration classes in transformers 5.24 (src/transformers/models/*/configuration_*.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError, InputErrors
from stellwerk.files import read_text
from stellwerk.training.huggingface.families import MODEL_TYPES, family_of
from stellwerk.training.model import ModelDetails, RopeScaling
from stellwerk.workload import Architecture, read_huggingface_config

CONFIG = "config.json"
MOST_BYTES = 10_000_000
SILU = ("silu", "swish")
SPECIAL_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")
_NORM_EPSILON = {"mixtral": 1e-5}
_ROPE_THETA = {"mixtral": 1e6}
_ALWAYS_NORMALISED = ("mixtral",)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What stands in a config.json."""

    model_type: str
    architecture: Architecture
    details: ModelDetails
    max_length: int | None
    """The longest sequence that the model is said to take; None: not said."""
    special_tokens: Mapping[str, Any] = field(default_factory=dict)
    """``bos_token_id``, ``eos_token_id`` and ``pad_token_id``, as far as the file says them."""


def read_model_config(folder: Path) -> ModelConfig:
    """The model that ``folder`` describes.

    Raises InputErrors for what the reference program does not compute, each with its key in the file.
    """
    file = folder / CONFIG
    if not folder.is_dir():
        raise InputError("there is no such folder", file=folder, allowed=f"a folder with {CONFIG} and safetensors")
    architecture = read_huggingface_config(file)
    values: dict[str, Any] = json.loads(read_text(file, limit_bytes=MOST_BYTES))
    model_type = values["model_type"]
    problems = list(_not_computed(values, model_type, architecture, file))
    if problems:
        raise InputErrors(problems)
    details = ModelDetails(
        rope_theta=_rope_theta(values, model_type, file),
        norm_epsilon=_number(values, "rms_norm_eps", _NORM_EPSILON.get(model_type, 1e-6), file),
        rope_scaling=_rope_scaling(values, file),
        normalised_routing=_normalised_routing(values, model_type, architecture),
    )
    length = values.get("max_position_embeddings")
    special = {key: values[key] for key in SPECIAL_TOKENS if key in values}
    return ModelConfig(model_type, architecture, details, length if isinstance(length, int) else None, special)


def config_values(
    architecture: Architecture, details: ModelDetails, *, max_length: int, special_tokens: Mapping[str, Any]
) -> dict[str, Any]:
    """What to write into config.json; raises InputError where no family of transformers is such a model.

    Special tokens that are not given are said to be none: the families' defaults would be numbers of other tokens.

    The rotary positions stand there twice: as transformers 5 reads them, and as version 4 and others do.
    """
    a, experts = architecture, architecture.experts
    model_type = family_of(architecture, normalised_routing=details.normalised_routing)
    values: dict[str, Any] = {
        "architectures": [MODEL_TYPES[model_type]],
        "model_type": model_type,
        "vocab_size": a.vocab,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.layers,
        "num_attention_heads": a.heads,
        "num_key_value_heads": a.kv_heads,
        "head_dim": a.head_dim,
        "intermediate_size": experts.ffn_hidden if experts and model_type == "mixtral" else a.ffn_hidden,
        "hidden_act": "silu",
        "max_position_embeddings": max_length,
        "rms_norm_eps": details.norm_epsilon,
        "tie_word_embeddings": a.tied_embeddings,
        "attention_dropout": 0.0,
        **(dict.fromkeys(SPECIAL_TOKENS) | dict(special_tokens)),
        "use_cache": True,
        **_rope_values(details),
        **_biases(a, model_type),
    }
    if experts is None:
        return values
    values["num_experts_per_tok"] = experts.per_token
    if model_type == "mixtral":
        return {**values, "num_local_experts": experts.routed}
    values |= {
        "num_experts": experts.routed,
        "moe_intermediate_size": experts.ffn_hidden,
        "norm_topk_prob": details.normalised_routing,
        "decoder_sparse_step": 1,
        "mlp_only_layers": list(range(experts.dense_layers)),
    }
    return values | ({"shared_expert_intermediate_size": experts.shared_ffn_hidden} if experts.shared_gate else {})


def _biases(a: Architecture, model_type: str) -> dict[str, Any]:
    windowed: dict[str, Any] = {"use_sliding_window": False}
    by_type: dict[str, dict[str, Any]] = {
        "llama": {"attention_bias": a.attention_bias, "mlp_bias": a.mlp_bias},
        "mistral": {"sliding_window": None},
        "mixtral": {"sliding_window": None},
        "qwen2": windowed,
        "qwen2_moe": windowed | {"qkv_bias": a.attention_bias},
        "qwen3": windowed | {"attention_bias": a.attention_bias},
        "qwen3_moe": windowed | {"attention_bias": a.attention_bias},
    }
    return by_type[model_type]


def _rope_values(details: ModelDetails) -> dict[str, Any]:
    scaling: dict[str, Any] | None = None
    if details.rope_scaling:
        scaling = {
            "rope_type": "llama3",
            "factor": details.rope_scaling.factor,
            "low_freq_factor": details.rope_scaling.low_frequency_factor,
            "high_freq_factor": details.rope_scaling.high_frequency_factor,
            "original_max_position_embeddings": details.rope_scaling.original_length,
        }
    return {
        "rope_theta": details.rope_theta,
        "rope_scaling": scaling,
        "rope_parameters": {"rope_theta": details.rope_theta, **(scaling or {"rope_type": "default"})},
    }


def _not_computed(values: dict[str, Any], model_type: str, architecture: Architecture, file: Path) -> list[InputError]:
    """Everything that makes another model of it than the program computes."""
    rope, experts = _rope(values), architecture.experts
    kind = rope.get("rope_type", rope.get("type", "default"))
    demands: tuple[tuple[str, object, bool, str], ...] = (
        ("model_type", model_type, model_type in MODEL_TYPES, ", ".join(MODEL_TYPES)),
        ("hidden_act", values.get("hidden_act"), values.get("hidden_act", "silu") in SILU, "silu"),
        ("rope_parameters", kind, kind in ("default", "llama3"), "default or llama3"),
        (
            "rope_parameters",
            "nested values",
            not any(isinstance(value, dict) for value in rope.values()),
            "the same for every layer: the program has one kind of layer",
        ),
        (
            "partial_rotary_factor",
            _partial(values, rope),
            _partial(values, rope) == 1,
            "1: positions turn the whole head",
        ),
        (
            "quantization_config",
            "a nested value",
            not values.get("quantization_config"),
            "weights in fp32, fp16 or bf16, and no such key",
        ),
        (
            "sliding_window",
            architecture.attention_window,
            architecture.windowed_layers == 0,
            "no layers with a window",
        ),
        (
            "mlp_only_layers",
            values.get("mlp_only_layers"),
            experts is None or _dense_layers(values, architecture) == list(range(experts.dense_layers)),
            "layers without experts only at the beginning",
        ),
    )
    return [
        InputError("the training program does not compute this", file=file, key=key, value=value, allowed=allowed)
        for key, value, computed, allowed in demands
        if not computed
    ]


def _normalised_routing(values: dict[str, Any], model_type: str, architecture: Architecture) -> bool:
    return architecture.experts is None or model_type in _ALWAYS_NORMALISED or bool(values.get("norm_topk_prob"))


def _dense_layers(values: dict[str, Any], architecture: Architecture) -> list[int]:
    """Numbers of the layers without experts, as the families of Qwen count them (Mixtral has none)."""
    step, named = values.get("decoder_sparse_step") or 1, values.get("mlp_only_layers") or ()
    return [layer for layer in range(architecture.layers) if layer in named or (layer + 1) % step]


def _rope(values: dict[str, Any]) -> Mapping[str, Any]:
    """What is said of rotary positions, in the file's newer or older place."""
    for key in ("rope_parameters", "rope_scaling"):
        if isinstance(values.get(key), dict):
            found: Mapping[str, Any] = values[key]
            return found
    return {}


def _partial(values: dict[str, Any], rope: Mapping[str, Any]) -> object:
    return rope.get("partial_rotary_factor") or values.get("partial_rotary_factor") or 1


def _rope_theta(values: dict[str, Any], model_type: str, file: Path) -> float:
    """From inside the rotary parameters or beside them."""
    if _rope(values).get("rope_theta") is not None:
        return _number(_rope(values), "rope_theta", 0.0, file)
    return _number(values, "rope_theta", _ROPE_THETA.get(model_type, 10_000.0), file)


def _rope_scaling(values: dict[str, Any], file: Path) -> RopeScaling | None:
    rope = _rope(values)
    if rope.get("rope_type", rope.get("type")) != "llama3":
        return None
    length = values.get("original_max_position_embeddings", rope.get("original_max_position_embeddings"))
    fallback = values.get("max_position_embeddings")
    original = {"original_max_position_embeddings": fallback if length is None else length}
    return RopeScaling(
        factor=_number(rope, "factor", None, file),
        low_frequency_factor=_number(rope, "low_freq_factor", None, file),
        high_frequency_factor=_number(rope, "high_freq_factor", None, file),
        original_length=int(_number(original, "original_max_position_embeddings", None, file)),
    )


def _number(values: Mapping[str, Any], key: str, otherwise: float | None, file: Path) -> float:
    """A positive number; ``otherwise`` where the key is missing, or an InputError where that is None."""
    value = values.get(key)
    if value is None and otherwise is not None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        problem = "is missing" if value is None else "is no such number"
        raise InputError(problem, file=file, key=key, value=value, allowed="a number above 0")
    return float(value)
