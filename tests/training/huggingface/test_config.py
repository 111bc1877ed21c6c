from __future__ import annotations

import json
from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.training.huggingface.config import config_values, read_model_config
from stellwerk.training.model import ModelDetails, RopeScaling

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-05,
    "hidden_act": "silu",
    "bos_token_id": 128000,
    "eos_token_id": [128001, 128008, 128009],
}
"""As far as it matters, what Llama 3.1 8B's config.json says."""
SCALING = {
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}
STRETCHED = RopeScaling(factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_length=8192)
DETAILS = ModelDetails(rope_theta=500_000.0, norm_epsilon=1e-5, rope_scaling=STRETCHED)


def written(folder: Path, **values: object) -> Path:
    (folder / "config.json").write_text(json.dumps({**LLAMA, **values}))
    return folder


@pytest.mark.parametrize(
    "positions",
    [
        {"rope_theta": 500_000.0, "rope_scaling": SCALING},
        {"rope_parameters": {"rope_theta": 500_000.0, **SCALING}},
        {"rope_theta": 500_000.0, "rope_parameters": SCALING},
    ],
    ids=["as version 4 writes them", "as version 5 writes them", "mixed"],
)
def test_positions_are_read_in_their_older_and_newer_place(tmp_path: Path, positions: dict[str, object]) -> None:
    config = read_model_config(written(tmp_path, **positions))
    assert config.details == DETAILS
    assert config.max_length == 131_072
    assert config.special_tokens == {"bos_token_id": 128_000, "eos_token_id": [128_001, 128_008, 128_009]}


def test_a_written_config_is_read_as_the_same_model(tmp_path: Path) -> None:
    config = read_model_config(written(tmp_path, rope_theta=500_000.0, rope_scaling=SCALING))
    values = config_values(
        config.architecture, config.details, max_length=131_072, special_tokens=config.special_tokens
    )
    (tmp_path / "config.json").write_text(json.dumps(values))
    again = read_model_config(tmp_path)
    assert (again.architecture, again.details, again.max_length) == (config.architecture, config.details, 131_072)
    assert again.special_tokens == {**config.special_tokens, "pad_token_id": None}


def test_a_stretched_position_without_its_numbers_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="low_freq_factor: is missing"):
        read_model_config(
            written(tmp_path, rope_scaling={"rope_type": "llama3", "factor": 8.0, "high_freq_factor": 4.0})
        )


def test_a_family_that_the_program_does_not_compute_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model_type: the training program does not compute this") as raised:
        read_model_config(written(tmp_path, model_type="olmo2", architectures=["Olmo2ForCausalLM"]))
    assert "'olmo2'" in str(raised.value)
    assert "qwen3_moe" in str(raised.value)
