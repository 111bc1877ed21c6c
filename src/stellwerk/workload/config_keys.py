"""What the readers of Hugging Face's ``config.json`` share: the common keys, and keys that mean another model."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from stellwerk.errors import InputError
from stellwerk.workload.boundary import Flag, Layers, OptionalSize, Section, Size, check_shape, derive_head_dim
from stellwerk.workload.model import Architecture

LayerTypes = Annotated[
    list[Literal["full_attention", "sliding_attention"]], Field(description="full_attention or sliding_attention")
]

ANOTHER_MODEL = {
    "this family is no mixture of experts of this kind": re.compile(
        "expert|moe|router|decoder_sparse|mlp_only|first_k_dense"
    ),
    "models with images or sound are not supported": re.compile("vision|visual|image|video|audio|speech|text_config"),
    "this family has no latent attention": re.compile("lora_rank|qk_rope|qk_nope|v_head_dim"),
    "extra prediction layers of this kind are not supported": re.compile("nextn|mtp_"),
    "models that attend to later tokens are not supported": re.compile("bidirectional"),
    "the model brings code of its own": re.compile("^auto_map$"),
    "it changes the number of parameters in a way that is not supported": re.compile(
        "bias|qk_norm|qk_layernorm|multi_query|parallel_(attn|residual)|new_decoder|block_configs|pruned_heads|"
        "cross_attention|is_encoder_decoder|adapter"
    ),
}
"""Keys, by what they would mean: a family that does not read one and a file that sets it mean different models."""

NAMES_OF_A_SIZE = (
    ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    ("hidden_size", "n_embd", "n_embed", "d_model"),
    ("num_attention_heads", "n_head", "n_heads"),
    ("num_key_value_heads", "n_kv_heads", "num_kv_heads"),
    ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    ("head_dim", "kv_channels", "attention_head_dim"),
)
"""One size each, as the families call it: a foreign name is harmless beside the right one with the same value, and
misleading otherwise."""


class DecoderConfig(Section):
    """The keys that every family has. A field may have another name in the file: its alias."""

    model_config = ConfigDict(extra="ignore")

    causal_class: ClassVar[str]
    """The class that ``architectures`` names for the plain language model."""
    published_with_code: ClassVar[str | None] = None
    """The module of the family's code that its own files name, where they were first published with a copy of it."""
    also_called: ClassVar[Mapping[str, str]] = {}
    """Other names of the family's own keys."""
    without_effect: ClassVar[frozenset[str]] = frozenset()
    """Keys that would mean another model in other families, and in this one change nothing that is read here."""

    vocab_size: Size
    hidden_size: Size
    num_hidden_layers: Layers
    num_attention_heads: Size
    tie_word_embeddings: Flag = False

    def sizes(self) -> dict[str, Any]:
        """``kv_heads``, ``ffn_hidden`` and ``head_dim`` (None: the width shared out among the heads)."""
        raise NotImplementedError

    def traits(self) -> dict[str, Any]:
        """The values of Architecture that are particular to the family."""
        return {}


class GroupedConfig(DecoderConfig):
    """A family whose files state the feed-forward width, key-value heads and the width of a head."""

    intermediate_size: Size
    num_key_value_heads: OptionalSize = None
    head_dim: OptionalSize = None

    def sizes(self) -> dict[str, Any]:
        return {
            "kv_heads": self.num_key_value_heads or self.num_attention_heads,
            "ffn_hidden": self.intermediate_size,
            "head_dim": self.head_dim,
        }


class LayeredConfig(GroupedConfig):
    """A family in which some layers attend over a window only."""

    sliding_window: OptionalSize = 4096
    layer_types: LayerTypes | None = None

    def windows(self, otherwise: int) -> dict[str, Any]:
        """The windows by ``layer_types``; where the file has none, ``otherwise`` layers have one."""
        layers = otherwise if self.layer_types is None else self.layer_types.count("sliding_attention")
        return windows(self.sliding_window, layers)


def windows(window: int | None, windowed_layers: int) -> dict[str, Any]:
    if window is None or windowed_layers == 0:
        return {}
    return {"attention_window": window, "windowed_layers": windowed_layers}


def architecture_in(config: DecoderConfig, file: Path) -> Architecture:
    """The architecture that a checked config describes; raises InputError where its sizes do not fit each other."""
    _check_layer_types(config, file)
    heads_key = key_of(type(config), "num_attention_heads")
    sizes = config.sizes()
    sizes["head_dim"] = sizes["head_dim"] or derive_head_dim(
        config.hidden_size,
        config.num_attention_heads,
        file=file,
        section=None,
        hidden_key=key_of(type(config), "hidden_size"),
        heads_key=heads_key,
    )
    architecture = Architecture(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        vocab=config.vocab_size,
        tied_embeddings=config.tie_word_embeddings,
        **sizes,
        **config.traits(),
    )
    kv_heads_key = key_of(type(config), "num_key_value_heads")
    check_shape(
        architecture,
        file=file,
        section=None,
        heads_key=heads_key,
        kv_heads_key=kv_heads_key,
        chosen_experts_key="num_experts_per_tok",
    )
    return architecture


def foreign_keys(values: dict[str, Any], family: type[DecoderConfig], file: Path) -> Iterator[InputError]:
    """Keys that the family does not read and that yet say something about the shape of the model."""
    own = {key_of(family, name) for name in family.model_fields}
    unset = [key for key in own if key not in values]
    for key, value in values.items():
        if key in own or not value or key in family.without_effect:
            continue
        if key == "auto_map" and not _replaces_the_model(value, family):
            continue
        yield from _misnamed_size(key, values, own, file)
        for problem, pattern in ANOTHER_MODEL.items():
            if pattern.search(key):
                yield InputError(problem, file=file, key=key, value=brief(value), allowed="a file without this key")
        for near in difflib.get_close_matches(key, unset, n=1, cutoff=0.9):
            yield InputError(f"unknown key, did you mean {near!r}?", file=file, key=key)
    yield from _foreign_windows(values, own, file)
    yield from _foreign_class(values, family, file)


def key_of(family: type[DecoderConfig], name: str) -> str:
    """What the file calls the field ``name``."""
    field = family.model_fields.get(name)
    return field.alias or name if field else name


def brief(value: object) -> str:
    return "a nested value" if isinstance(value, (dict, list)) else str(value)[:80]


def _check_layer_types(config: DecoderConfig, file: Path) -> None:
    if isinstance(config, LayeredConfig) and len(config.layer_types or ()) not in (0, config.num_hidden_layers):
        raise InputError(
            "must name every layer once",
            file=file,
            key="layer_types",
            allowed=f"{config.num_hidden_layers} entries, as num_hidden_layers says",
        )


def _misnamed_size(key: str, values: dict[str, Any], own: set[str], file: Path) -> Iterator[InputError]:
    for names in NAMES_OF_A_SIZE:
        if key not in names:
            continue
        meant = next((name for name in names if name in own), None)
        if meant is None or values.get(meant) != values[key]:
            yield InputError(
                "this family does not read it",
                file=file,
                key=key,
                value=brief(values[key]),
                allowed=meant or "a file without this key",
            )


def _replaces_the_model(auto_map: object, family: type[DecoderConfig]) -> bool:
    """Whether classes of the file's own stand in for the family's; a published copy of the family's own does not."""
    if not isinstance(auto_map, dict):
        return True
    own_code = f"{family.published_with_code}.{family.causal_class.removesuffix('ForCausalLM')}"
    return any(
        not (family.published_with_code and str(name).split("--")[-1].startswith(own_code))
        for role, name in auto_map.items()
        if role.startswith("AutoModel")
    )


def _foreign_windows(values: dict[str, Any], own: set[str], file: Path) -> Iterator[InputError]:
    if "sliding_window" not in own and values.get("sliding_window") and values.get("use_sliding_window") is not False:
        yield InputError(
            "this family has no sliding window",
            file=file,
            key="sliding_window",
            value=brief(values["sliding_window"]),
            allowed="null",
        )
    if "layer_types" not in own and any(kind != "full_attention" for kind in _as_list(values.get("layer_types"))):
        yield InputError(
            "this family has one kind of layer", file=file, key="layer_types", allowed="full_attention for every layer"
        )


def _foreign_class(values: dict[str, Any], family: type[DecoderConfig], file: Path) -> Iterator[InputError]:
    for name in _as_list(values.get("architectures")):
        if str(name).casefold() != family.causal_class.casefold():
            yield InputError(
                "not a plain language model of this family",
                file=file,
                key="architectures",
                value=brief(name),
                allowed=family.causal_class,
            )


def _as_list(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
