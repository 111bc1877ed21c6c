"""Which family a Hugging Face ``config.json`` belongs to, and the architecture that it describes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError, InputErrors, nearest_match
from stellwerk.workload.boundary import read_section
from stellwerk.workload.config_keys import DecoderConfig, architecture_in, brief, foreign_keys
from stellwerk.workload.deepseek_family import DeepseekV2Config, DeepseekV3Config
from stellwerk.workload.experts_family import MixtralConfig, Qwen2MoeConfig, Qwen3MoeConfig
from stellwerk.workload.gemma_family import Gemma2Config, Gemma3TextConfig, GemmaConfig
from stellwerk.workload.gpt_family import FalconConfig, GPT2Config, GPTNeoXConfig
from stellwerk.workload.llama_family import (
    LlamaConfig,
    MistralConfig,
    Olmo2Config,
    OlmoConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)
from stellwerk.workload.model import Architecture

FAMILIES: Mapping[str, type[DecoderConfig]] = {
    "llama": LlamaConfig,
    "mistral": MistralConfig,
    "qwen2": Qwen2Config,
    "qwen3": Qwen3Config,
    "phi3": Phi3Config,
    "olmo": OlmoConfig,
    "olmo2": Olmo2Config,
    "gemma": GemmaConfig,
    "gemma2": Gemma2Config,
    "gemma3_text": Gemma3TextConfig,
    "gpt2": GPT2Config,
    "gpt_neox": GPTNeoXConfig,
    "falcon": FalconConfig,
    "mixtral": MixtralConfig,
    "qwen2_moe": Qwen2MoeConfig,
    "qwen3_moe": Qwen3MoeConfig,
    "deepseek_v2": DeepseekV2Config,
    "deepseek_v3": DeepseekV3Config,
}


def architecture_of(values: dict[str, Any], file: Path) -> Architecture:
    """The architecture in the parsed JSON ``values``; raises InputErrors with every mistake."""
    family = FAMILIES[_model_type(values, file)]
    values = _by_own_names(values, family)
    problems = list(foreign_keys(values, family, file))
    try:
        config = read_section(family, values, file=file, key=None)
    except InputErrors as errors:
        raise InputErrors([*errors.errors, *problems]) from None
    if problems:
        raise InputErrors(problems)
    return architecture_in(config, file)


def _by_own_names(values: dict[str, Any], family: type[DecoderConfig]) -> dict[str, Any]:
    """The values with every key under the family's first name for it; two that differ stay apart and are refused."""
    values = dict(values)
    for other, own in family.also_called.items():
        value = values.get(other)
        if value is not None and values.get(own, value) == value:
            values[own] = values.pop(other)
    return values


def _model_type(values: dict[str, Any], file: Path) -> str:
    model_type = values.get("model_type")
    if isinstance(model_type, str) and model_type in FAMILIES:
        return model_type
    value = None if model_type is None else brief(model_type)
    raise InputError(_problem(value), file=file, key="model_type", value=value, allowed=", ".join(FAMILIES))


def _problem(model_type: str | None) -> str:
    if model_type is None:
        return "is missing"
    meant = nearest_match(model_type, FAMILIES)
    return "this family is not supported" + (f", did you mean {meant!r}?" if meant else "")
