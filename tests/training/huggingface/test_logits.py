"""Equal logits in transformers and here, both ways, for random small models of each family."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
torch = pytest.importorskip("torch", reason="needs the extra [train]")
transformers = pytest.importorskip("transformers", reason="needs the reference implementation")

from stellwerk.training.decoder.transformer import Decoder  # noqa: E402
from stellwerk.training.huggingface.config import read_model_config  # noqa: E402
from stellwerk.training.huggingface.load import read_model  # noqa: E402
from stellwerk.training.huggingface.write import write_model  # noqa: E402
from stellwerk.training.model import ModelDetails, RopeScaling  # noqa: E402
from stellwerk.workload import Architecture, Experts  # noqa: E402

LENGTH = 24
PLAIN = Architecture(layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn_hidden=48, vocab=64)
DETAILS = ModelDetails(rope_theta=5000.0, norm_epsilon=1e-4)
STRETCHED = replace(
    DETAILS,
    rope_scaling=RopeScaling(factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_length=8),
)
EXPERTS = Experts(routed=4, per_token=2, ffn_hidden=24)
SHARED = Experts(routed=4, per_token=2, ffn_hidden=24, shared_ffn_hidden=40, shared_gate=True)

CASES: dict[str, tuple[str, Architecture, ModelDetails]] = {
    "grouped queries": ("llama", PLAIN, DETAILS),
    "tied": ("llama", replace(PLAIN, tied_embeddings=True), DETAILS),
    "wide heads": ("llama", replace(PLAIN, head_dim=12), DETAILS),
    "long context": ("llama", PLAIN, STRETCHED),
    "biases everywhere": ("llama", replace(PLAIN, attention_bias=True, output_bias=True, mlp_bias=True), DETAILS),
    "heads that do not divide": ("mistral", replace(PLAIN, hidden=36, heads=8, kv_heads=2), DETAILS),
    "biased queries": ("qwen2", replace(PLAIN, attention_bias=True, tied_embeddings=True), DETAILS),
    "scaled queries": ("qwen3", replace(PLAIN, qk_norm=True, head_dim=16), DETAILS),
    "scaled and biased": ("qwen3", replace(PLAIN, qk_norm=True, attention_bias=True, output_bias=True), DETAILS),
    "experts": ("mixtral", replace(PLAIN, ffn_hidden=24, experts=EXPERTS), DETAILS),
    "shared experts": (
        "qwen2_moe",
        replace(PLAIN, attention_bias=True, experts=SHARED),
        replace(DETAILS, normalised_routing=False),
    ),
    "shared experts, first layer dense": (
        "qwen2_moe",
        replace(PLAIN, attention_bias=True, experts=replace(SHARED, dense_layers=1)),
        DETAILS,
    ),
    "experts with scaled queries": (
        "qwen3_moe",
        replace(PLAIN, qk_norm=True, experts=EXPERTS),
        replace(DETAILS, normalised_routing=False),
    ),
    "experts after a dense layer": (
        "qwen3_moe",
        replace(PLAIN, qk_norm=True, experts=replace(EXPERTS, dense_layers=1)),
        DETAILS,
    ),
}
cases = pytest.mark.parametrize(("model_type", "architecture", "details"), CASES.values(), ids=list(CASES))


@cases
def test_transformers_computes_the_logits_of_a_written_model(
    tmp_path: Path, model_type: str, architecture: Architecture, details: ModelDetails
) -> None:
    decoder = randomised(Decoder(architecture, LENGTH, details))
    folder = tmp_path / "model"
    write_model(
        folder, decoder.state_dict(), architecture, details, max_length=LENGTH, most_file_bytes=file_bytes(model_type)
    )
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(
        folder, output_loading_info=True, dtype=torch.float32
    )
    assert not any(loading.values()), "every weight is found, and none is left over"
    assert model.config.model_type == model_type
    assert_equal_logits(decoder, model)


@cases
def test_a_model_written_by_transformers_has_its_logits_here(
    tmp_path: Path, model_type: str, architecture: Architecture, details: ModelDetails
) -> None:
    model = reference(tmp_path, architecture, details)
    model.save_pretrained(tmp_path / "reference", max_shard_size=file_bytes(model_type))
    read = read_model_config(tmp_path / "reference")
    assert (read.model_type, read.architecture, read.details) == (model_type, architecture, details)
    assert_equal_logits(read_model(tmp_path / "reference", LENGTH), model)


def reference(tmp_path: Path, architecture: Architecture, details: ModelDetails) -> Any:
    """A random model of transformers, of the family that we would write the architecture as."""
    with_zeros = Decoder(architecture, LENGTH, details).state_dict()
    write_model(tmp_path / "shape", with_zeros, architecture, details, max_length=LENGTH)
    config = transformers.AutoConfig.from_pretrained(tmp_path / "shape")
    return randomised(transformers.AutoModelForCausalLM.from_config(config))


def randomised(model: Any) -> Any:
    """Draws every weight, norms and biases too, wide enough that each matters."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model.eval()


def file_bytes(model_type: str) -> int:
    """One file for some families, several for others."""
    return 20_000 if model_type in ("llama", "mixtral", "qwen3") else 1_000_000


def assert_equal_logits(decoder: Any, model: Any) -> None:
    tokens = torch.randint(0, 64, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = decoder(tokens), model(tokens).logits
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
