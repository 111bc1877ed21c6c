"""The layout of PEFT: names, shapes and keys as peft 0.21.2 writes them (docs/fine-tuning.md)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from safetensors.torch import load_file  # noqa: E402

from stellwerk.errors import InputError  # noqa: E402
from stellwerk.training.decoder.lora import add_adapters  # noqa: E402
from stellwerk.training.decoder.transformer import Decoder  # noqa: E402
from stellwerk.training.huggingface.adapter import write_adapter  # noqa: E402
from stellwerk.workload import Architecture, Experts  # noqa: E402

SMALL = Architecture(layers=1, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn_hidden=48, vocab=64)


def test_an_adapter_is_written_as_peft_reads_it(tmp_path: Path) -> None:
    decoder = Decoder(SMALL, max_length=16)
    add_adapters(decoder, rank=4, alpha=8.0, generator=torch.Generator())
    write_adapter(tmp_path / "out", decoder.state_dict(), SMALL, rank=4, alpha=8.0, base=Path("/models/base"))

    layer = "base_model.model.model.layers.0"
    sizes = {
        "self_attn.q_proj": (32, 32),
        "self_attn.k_proj": (32, 16),
        "self_attn.v_proj": (32, 16),
        "self_attn.o_proj": (32, 32),
        "mlp.gate_proj": (32, 48),
        "mlp.up_proj": (32, 48),
        "mlp.down_proj": (48, 32),
    }
    expected = {f"{layer}.{module}.lora_A.weight": (4, inputs) for module, (inputs, _) in sizes.items()}
    expected |= {f"{layer}.{module}.lora_B.weight": (outputs, 4) for module, (_, outputs) in sizes.items()}
    stored = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert {name: tuple(tensor.shape) for name, tensor in stored.items()} == expected
    query = decoder.layers[0].attention.query.adapter_down
    assert torch.equal(stored[f"{layer}.self_attn.q_proj.lora_A.weight"], query)

    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    assert (config["r"], config["lora_alpha"]) == (4, 8.0)
    assert config["target_modules"] == sorted(module.rpartition(".")[2] for module in sizes)
    assert config["base_model_name_or_path"] == "/models/base"


def test_adapters_of_experts_are_not_exported_alone(tmp_path: Path) -> None:
    architecture = replace(SMALL, experts=Experts(routed=4, per_token=2, ffn_hidden=24))
    with pytest.raises(InputError, match="--merge"):
        write_adapter(tmp_path / "out", {}, architecture, rank=4, alpha=8.0, base=tmp_path)
