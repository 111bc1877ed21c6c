"""The families of transformers that compute what the program computes, and what they call the weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stellwerk.errors import InputError
from stellwerk.workload.model import Architecture, Experts

MODEL_TYPES: Mapping[str, str] = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "qwen2_moe": "Qwen2MoeForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
}
"""``model_type`` in a config.json, and the class that computes it."""

_WHOLE_MODEL = {
    "embedding.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_IN_A_LAYER = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "attention.query_norm": "self_attn.q_norm",
    "attention.key_norm": "self_attn.k_norm",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
    "feed_forward.router": "mlp.gate",
    "feed_forward.shared.gate": "mlp.shared_expert.gate_proj",
    "feed_forward.shared.up": "mlp.shared_expert.up_proj",
    "feed_forward.shared.down": "mlp.shared_expert.down_proj",
    "feed_forward.shared_gate": "mlp.shared_expert_gate",
}
_EXPERTS = {"gate": "gate_proj", "up": "up_proj", "down": "down_proj"}
_MIXTRAL_EXPERTS = {"gate": "w1", "up": "w3", "down": "w2"}

_LAYER = re.compile(r"layers\.(\d+)\.(.+)")
_EXPERTS_OF_A_LAYER = re.compile(r"feed_forward\.(gate|up|down)")
_OF_A_PART = re.compile(r"(.+)\.(weight|bias)")


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a parameter of the decoder lies in the files: one tensor, or one tensor per expert."""

    names: tuple[str, ...]
    stacked: bool = False
    """The parameter's first dimension runs over ``names``."""


def stored_as(name: str, model_type: str, architecture: Architecture) -> Stored:
    """What a family calls the decoder's parameter ``name``; raises KeyError for a name that no decoder has."""
    if name in _WHOLE_MODEL:
        return Stored((_WHOLE_MODEL[name],))
    layer = _LAYER.fullmatch(name)
    if layer is None:
        raise KeyError(name)
    prefix, rest = f"model.layers.{layer[1]}", layer[2]
    experts, mixtral = architecture.experts, model_type == "mixtral"
    stacked = _EXPERTS_OF_A_LAYER.fullmatch(rest)
    if stacked and experts:
        block, part = ("block_sparse_moe", _MIXTRAL_EXPERTS) if mixtral else ("mlp", _EXPERTS)
        places = (f"{prefix}.{block}.experts.{expert}.{part[stacked[1]]}.weight" for expert in range(experts.routed))
        return Stored(tuple(places), stacked=True)
    ending = _OF_A_PART.fullmatch(rest)
    if ending is None:
        raise KeyError(name)
    part_name = "block_sparse_moe.gate" if mixtral and ending[1] == "feed_forward.router" else _IN_A_LAYER[ending[1]]
    return Stored((f"{prefix}.{part_name}.{ending[2]}",))


def family_of(architecture: Architecture, *, normalised_routing: bool = True) -> str:
    """The ``model_type`` that computes what the decoder computes; raises InputError where there is none.

    ``normalised_routing`` counts for mixtures of experts only.
    """
    model_type = _experts_family(architecture, normalised_routing) if architecture.experts else _dense(architecture)
    reason = _outside_all_families(architecture) or (None if model_type else "no family has this combination of parts")
    if reason or model_type is None:
        raise InputError(
            f"transformers has no model of this shape: {reason}", key="model", allowed=", ".join(MODEL_TYPES)
        )
    return model_type


def _outside_all_families(a: Architecture) -> str | None:
    parts = {
        "a feed-forward block without gate": not a.gated_mlp,
        "LayerNorm": a.norm_parameters != 1,
        "norms after the blocks": a.norms_per_layer != 2,
        "learned positions": a.positions != 0,
        "layers with an attention window": a.windowed_layers != 0,
        "latent attention": a.latent_attention is not None,
        "a bias on the logits": a.head_bias,
        "a scale over all queries at once (qk_norm_width)": a.qk_norm and a.qk_norm_width == "projection",
        "a bias on the router": a.experts is not None and a.experts.router_bias,
    }
    found = [part for part, present in parts.items() if present]
    return ", ".join(found) or None


def _dense(a: Architecture) -> str | None:
    if a.qk_norm:
        return "qwen3" if a.attention_bias == a.output_bias and not a.mlp_bias else None
    if a.attention_bias != a.output_bias:
        return "qwen2" if a.attention_bias and not a.mlp_bias else None
    if a.hidden % a.heads == 0:
        return "llama"
    # LlamaConfig refuses widths that the heads do not divide, although head_dim is given.
    return None if a.attention_bias or a.mlp_bias else "mistral"


def _experts_family(a: Architecture, normalised_routing: bool) -> str | None:
    experts: Experts | None = a.experts
    if experts is None or a.mlp_bias or experts.shared_gate != bool(experts.shared_ffn_hidden):
        return None
    if a.qk_norm:
        fits = a.attention_bias == a.output_bias and not experts.shared_ffn_hidden
        return "qwen3_moe" if fits else None
    if experts.shared_ffn_hidden:
        return None if a.output_bias else "qwen2_moe"
    plain = not (a.attention_bias or a.output_bias or experts.dense_layers)
    return "mixtral" if plain and normalised_routing else None
