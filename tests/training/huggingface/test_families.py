from __future__ import annotations

from dataclasses import replace

import pytest

from stellwerk.errors import InputError
from stellwerk.training.huggingface.families import family_of
from stellwerk.workload import Architecture, Experts, published_models

PLAIN = Architecture(layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn_hidden=48, vocab=64)
EXPERTS = Experts(routed=4, per_token=2, ffn_hidden=24)


@pytest.mark.parametrize(
    ("architecture", "word"),
    [
        (replace(PLAIN, gated_mlp=False), "without gate"),
        (replace(PLAIN, norm_parameters=2), "LayerNorm"),
        (replace(PLAIN, head_bias=True), "bias on the logits"),
        (replace(PLAIN, attention_window=8, windowed_layers=1), "attention window"),
        (replace(PLAIN, qk_norm=True, qk_norm_width="projection"), "qk_norm_width"),
        (replace(PLAIN, attention_bias=True, mlp_bias=True), "no family has this combination"),
        (replace(PLAIN, output_bias=True), "no family has this combination"),
        (replace(PLAIN, experts=replace(EXPERTS, router_bias=True)), "bias on the router"),
        (replace(PLAIN, experts=replace(EXPERTS, dense_layers=1)), "no family has this combination"),
        (replace(PLAIN, experts=replace(EXPERTS, shared_ffn_hidden=8)), "no family has this combination"),
        (published_models()["deepseek-v3"].architecture, "latent attention"),
    ],
)
def test_a_shape_that_transformers_has_no_model_for_is_refused(architecture: Architecture, word: str) -> None:
    with pytest.raises(InputError, match="transformers has no model of this shape") as raised:
        family_of(architecture)
    assert word in str(raised.value)


def test_plain_experts_are_a_mixtral_only_with_normalised_routing() -> None:
    architecture = replace(PLAIN, experts=EXPERTS)
    assert family_of(architecture) == "mixtral"
    with pytest.raises(InputError):
        family_of(architecture, normalised_routing=False)
