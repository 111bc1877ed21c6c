"""The Llama family as Hugging Face's ``config.json`` describes it: which keys, which defaults, what they mean.

Keys and defaults are those of ``LlamaConfig``, ``MistralConfig``, ``Qwen2Config`` and ``Qwen3Config`` in
https://github.com/huggingface/transformers (src/transformers/models/*/configuration_*.py).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.boundary import (
    MAX_LAYERS,
    Flag,
    Layers,
    OptionalSize,
    Section,
    Size,
    check_shape,
    derive_head_dim,
    read_section,
)
from stellwerk.workload.model import Architecture

LayerTypes = Annotated[
    list[Literal["full_attention", "sliding_attention"]], Field(description="full_attention or sliding_attention")
]

ANOTHER_MODEL = {
    "this is a mixture of experts, which is not supported yet": re.compile("expert|moe|router|decoder_sparse"),
    "models with images or sound are not supported": re.compile("vision|visual|image|video|audio|speech|text_config"),
    "latent attention is not supported yet": re.compile("lora_rank|qk_rope|qk_nope|v_head_dim"),
    "extra prediction layers are not supported yet": re.compile("nextn|mtp_"),
    "the model brings code of its own": re.compile("^auto_map$"),
    "it changes the number of parameters in a way that is not supported": re.compile(
        "bias|qk_norm|qk_layernorm|multi_query|parallel_(attn|residual)|block_configs|pruned_heads|cross_attention|"
        "is_encoder_decoder|adapter"
    ),
}
"""Keys, by what they would mean: the four families do not read them, so a file that sets one means another model."""

OTHER_NAMES = {
    "n_layer": "num_hidden_layers",
    "n_layers": "num_hidden_layers",
    "num_layers": "num_hidden_layers",
    "n_embd": "hidden_size",
    "d_model": "hidden_size",
    "n_head": "num_attention_heads",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "num_kv_heads": "num_key_value_heads",
    "n_inner": "intermediate_size",
    "ffn_dim": "intermediate_size",
    "ffn_hidden_size": "intermediate_size",
    "kv_channels": "head_dim",
    "attention_head_dim": "head_dim",
}
"""Other families' names of a size: harmless beside the right key with the same value, misleading otherwise."""


class BaseConfig(Section):
    model_config = ConfigDict(extra="ignore")

    vocab_size: Size
    hidden_size: Size
    intermediate_size: Size
    num_hidden_layers: Layers
    num_attention_heads: Size
    num_key_value_heads: OptionalSize = None
    head_dim: OptionalSize = None
    tie_word_embeddings: Flag = False

    def family_traits(self) -> dict[str, Any]:
        """The values of Architecture that are particular to the family."""
        return {}


class LlamaConfig(BaseConfig):
    attention_bias: Flag = False
    mlp_bias: Flag = False

    def family_traits(self) -> dict[str, Any]:
        return {
            "attention_bias": self.attention_bias,
            "output_bias": self.attention_bias,
            "mlp_bias": self.mlp_bias,
        }


class MistralConfig(BaseConfig):
    num_key_value_heads: OptionalSize = 8
    sliding_window: OptionalSize = 4096

    def family_traits(self) -> dict[str, Any]:
        return _windows(self.sliding_window, self.num_hidden_layers)


class Qwen2Config(BaseConfig):
    num_key_value_heads: OptionalSize = 32
    use_sliding_window: Flag = False
    sliding_window: OptionalSize = 4096
    max_window_layers: Annotated[int, Field(ge=0, le=MAX_LAYERS, description="a number of layers")] = 28
    layer_types: LayerTypes | None = None

    def family_traits(self) -> dict[str, Any]:
        return {"attention_bias": True} | self.window_traits()

    def window_traits(self) -> dict[str, Any]:
        if self.layer_types is not None:
            windowed_layers = self.layer_types.count("sliding_attention")
        else:
            windowed_layers = max(self.num_hidden_layers - self.max_window_layers, 0)
        return _windows(self.sliding_window if self.use_sliding_window else None, windowed_layers)


class Qwen3Config(Qwen2Config):
    head_dim: OptionalSize = 128
    attention_bias: Flag = False

    def family_traits(self) -> dict[str, Any]:
        biases = {"attention_bias": self.attention_bias, "output_bias": self.attention_bias}
        return {"qk_norm": True} | biases | self.window_traits()


FAMILIES: Mapping[str, type[BaseConfig]] = {
    "llama": LlamaConfig,
    "mistral": MistralConfig,
    "qwen2": Qwen2Config,
    "qwen3": Qwen3Config,
}


def architecture_of(values: dict[str, Any], file: Path) -> Architecture:
    """The architecture in the parsed JSON ``values``; raises InputErrors with every mistake."""
    family = FAMILIES[_model_type(values, file)]
    problems = list(_foreign_keys(values, family, file))
    try:
        config = read_section(family, values, file=file, key=None)
    except InputErrors as errors:
        raise InputErrors([*errors.errors, *problems]) from None
    if problems:
        raise InputErrors(problems)
    return _architecture(config, file)


def _model_type(values: dict[str, Any], file: Path) -> str:
    model_type = values.get("model_type")
    if model_type is None:
        raise InputError("is missing", file=file, key="model_type", allowed=list(FAMILIES))
    if isinstance(model_type, str) and model_type in FAMILIES:
        return model_type
    raise InputError(
        "this family is not supported", file=file, key="model_type", value=_brief(model_type), allowed=list(FAMILIES)
    )


def _foreign_keys(values: dict[str, Any], family: type[BaseConfig], file: Path) -> Iterator[InputError]:
    """Keys that the family does not read and that yet say something about the shape of the model."""
    own = family.model_fields
    unset = [name for name in own if name not in values]
    for key, value in values.items():
        if key in own or not value or (key == "auto_map" and not _replaces_the_model(value)):
            continue
        meant = OTHER_NAMES.get(key)
        if meant is not None and values.get(meant) != value:
            yield InputError("this family does not read it", file=file, key=key, value=_brief(value), allowed=meant)
        for problem, pattern in ANOTHER_MODEL.items():
            if pattern.search(key):
                yield InputError(problem, file=file, key=key, value=_brief(value), allowed="a file without this key")
        for near in difflib.get_close_matches(key, unset, n=1, cutoff=0.9):
            yield InputError(f"unknown key, did you mean {near!r}?", file=file, key=key)
    yield from _foreign_windows(values, own, file)
    yield from _foreign_class(values, file)


def _replaces_the_model(auto_map: object) -> bool:
    return not isinstance(auto_map, dict) or any(name.startswith("AutoModel") for name in auto_map)


def _foreign_windows(values: dict[str, Any], own: Mapping[str, object], file: Path) -> Iterator[InputError]:
    if "sliding_window" not in own and values.get("sliding_window") and values.get("use_sliding_window") is not False:
        yield InputError(
            "this family has no sliding window",
            file=file,
            key="sliding_window",
            value=_brief(values["sliding_window"]),
            allowed="null",
        )
    if "layer_types" not in own and any(kind != "full_attention" for kind in _as_list(values.get("layer_types"))):
        yield InputError(
            "this family has one kind of layer", file=file, key="layer_types", allowed="full_attention for every layer"
        )


def _foreign_class(values: dict[str, Any], file: Path) -> Iterator[InputError]:
    expected = f"{values['model_type']}ForCausalLM"
    for name in _as_list(values.get("architectures")):
        if str(name).casefold() != expected.casefold():
            yield InputError(
                "not a plain language model of this family",
                file=file,
                key="architectures",
                value=_brief(name),
                allowed=f"{expected[0].upper()}{expected[1:]}",
            )


def _as_list(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _brief(value: object) -> str:
    return "a nested value" if isinstance(value, (dict, list)) else str(value)[:80]


def _architecture(config: BaseConfig, file: Path) -> Architecture:
    hidden, heads = config.hidden_size, config.num_attention_heads
    if isinstance(config, Qwen2Config) and len(config.layer_types or ()) not in (0, config.num_hidden_layers):
        raise InputError(
            "must name every layer once",
            file=file,
            key="layer_types",
            allowed=f"{config.num_hidden_layers} entries, as num_hidden_layers says",
        )
    architecture = Architecture(
        layers=config.num_hidden_layers,
        hidden=hidden,
        heads=heads,
        kv_heads=config.num_key_value_heads or heads,
        head_dim=config.head_dim
        or derive_head_dim(
            hidden, heads, file=file, section=None, hidden_key="hidden_size", heads_key="num_attention_heads"
        ),
        ffn_hidden=config.intermediate_size,
        vocab=config.vocab_size,
        tied_embeddings=config.tie_word_embeddings,
        **config.family_traits(),
    )
    check_shape(
        architecture, file=file, section=None, heads_key="num_attention_heads", kv_heads_key="num_key_value_heads"
    )
    return architecture


def _windows(window: int | None, windowed_layers: int) -> dict[str, Any]:
    if window is None or windowed_layers == 0:
        return {}
    return {"attention_window": window, "windowed_layers": windowed_layers}
