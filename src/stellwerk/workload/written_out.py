"""A model whose sizes are written out in ``workload.toml``: ``[model]`` with its nested tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.boundary import S, check_shape, derive_head_dim, read_section
from stellwerk.workload.document import ExpertsSection, LatentAttentionSection, ModelWrittenOut
from stellwerk.workload.model import Architecture, Experts, LatentAttention


def read_written_out_model(table: dict[str, Any], file: Path) -> Architecture:
    """The architecture that ``[model]`` writes out; raises InputErrors with every mistake in its tables."""
    problems: list[InputError] = []

    def read(section: type[S], values: object, key: str) -> S | None:
        if not isinstance(values, dict):  # left out, or ModelWrittenOut says so
            return None
        try:
            return read_section(section, values, file=file, key=key)
        except InputErrors as errors:
            problems.extend(errors.errors)
        return None

    model = read(ModelWrittenOut, table, "model")
    experts = read(ExpertsSection, table.get("experts"), "model.experts")
    latent = read(LatentAttentionSection, table.get("latent_attention"), "model.latent_attention")
    if model is None or problems:
        raise InputErrors(problems)
    return _architecture(model, experts, latent, file)


def _architecture(
    model: ModelWrittenOut, experts: ExpertsSection | None, latent: LatentAttentionSection | None, file: Path
) -> Architecture:
    sizes = model.model_dump()
    sizes["kv_heads"] = model.kv_heads or model.heads
    sizes["head_dim"] = model.head_dim or derive_head_dim(
        model.hidden, model.heads, file=file, section="model", hidden_key="hidden", heads_key="heads"
    )
    if experts:
        sizes["experts"] = Experts(**{**experts.model_dump(), "ffn_hidden": experts.ffn_hidden or model.ffn_hidden})
    if latent:
        sizes["latent_attention"] = LatentAttention(**latent.model_dump())
    _check_options(model, latent, file)
    architecture = Architecture(**sizes)
    check_shape(
        architecture,
        file=file,
        section="model",
        heads_key="heads",
        kv_heads_key="kv_heads",
        chosen_experts_key="experts.per_token",
    )
    return architecture


def _check_options(model: ModelWrittenOut, latent: LatentAttentionSection | None, file: Path) -> None:
    if (model.attention_window is not None) != (0 < model.windowed_layers <= model.layers):
        raise InputError(
            "attention_window needs the number of layers it holds for, and the other way round",
            file=file,
            key="model.windowed_layers",
            value=model.windowed_layers,
            allowed=f"1 to {model.layers} together with attention_window, or neither",
        )
    if latent and model.qk_norm:
        raise InputError(
            "latent attention has norms of its own and no scales on queries and keys",
            file=file,
            key="model.qk_norm",
            value=True,
            allowed="false",
        )
