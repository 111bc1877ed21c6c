from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.training.decoder.lora import (  # noqa: E402
    adapter_weights,
    add_adapters,
    initialise_adapters,
    merged_weights,
)
from stellwerk.training.decoder.transformer import Decoder  # noqa: E402
from stellwerk.workload import Architecture, Experts, adapter_parameters  # noqa: E402

SMALL = Architecture(layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn_hidden=48, vocab=64)
EXPERTS = replace(
    SMALL, experts=Experts(routed=4, per_token=2, ffn_hidden=24, shared_ffn_hidden=40, shared_gate=True, dense_layers=1)
)
TOKENS = torch.arange(16)[None]


def draw(decoder: Decoder) -> None:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)


def decoder_of(architecture: Architecture = SMALL) -> Decoder:
    decoder = Decoder(architecture, max_length=16)
    draw(decoder)
    return decoder


def adapted(architecture: Architecture = SMALL) -> Decoder:
    decoder = decoder_of(architecture)
    add_adapters(decoder, rank=4, alpha=8.0, generator=torch.Generator().manual_seed(5))
    return decoder


def trainable_parameters(decoder: Decoder) -> list[Any]:
    return [parameter for parameter in decoder.parameters() if parameter.requires_grad]


def train_a_little(decoder: Decoder) -> None:
    optimizer = torch.optim.AdamW(trainable_parameters(decoder), lr=0.01)
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(decoder(TOKENS[:, :-1]).flatten(0, 1), TOKENS[0, 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize(
    "architecture",
    [
        SMALL,
        replace(SMALL, tied_embeddings=True),
        replace(SMALL, attention_bias=True, mlp_bias=True, head_dim=16),
        EXPERTS,
    ],
)
def test_the_workload_counts_the_parameters_of_the_adapters(architecture: Architecture) -> None:
    trainable = sum(parameter.numel() for parameter in trainable_parameters(adapted(architecture)))
    assert trainable == adapter_parameters(architecture, rank=4)


@pytest.mark.parametrize("architecture", [SMALL, EXPERTS], ids=["dense", "experts"])
def test_untrained_adapters_change_nothing(architecture: Architecture) -> None:
    with torch.no_grad():
        assert torch.equal(adapted(architecture)(TOKENS), decoder_of(architecture)(TOKENS))


@pytest.mark.parametrize("architecture", [SMALL, EXPERTS], ids=["dense", "experts"])
def test_only_adapters_learn(architecture: Architecture) -> None:
    decoder = adapted(architecture)
    before = {name: weight.clone() for name, weight in decoder.state_dict().items()}
    train_a_little(decoder)
    changed = {name for name, weight in decoder.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == set(adapter_weights(before))
    assert set(before) - changed == set(decoder_of(architecture).state_dict()), "frozen weights keep their names"


@pytest.mark.parametrize("architecture", [SMALL, EXPERTS], ids=["dense", "experts"])
def test_merged_weights_compute_what_the_adapters_did(architecture: Architecture) -> None:
    decoder = adapted(architecture)
    train_a_little(decoder)
    merged = decoder_of(architecture)
    merged.load_state_dict(merged_weights(decoder.state_dict(), alpha=8.0))
    with torch.no_grad():
        torch.testing.assert_close(merged(TOKENS), decoder(TOKENS), atol=1e-6, rtol=1e-5)
        assert not torch.allclose(merged(TOKENS), decoder_of(architecture)(TOKENS), atol=1e-3)


@pytest.mark.parametrize("architecture", [SMALL, EXPERTS], ids=["dense", "experts"])
def test_a_base_in_bf16_takes_adapters_in_fp32(architecture: Architecture) -> None:
    decoder = decoder_of(architecture).to(torch.bfloat16)
    add_adapters(decoder, rank=4, alpha=8.0, generator=torch.Generator().manual_seed(5))
    assert {parameter.dtype for parameter in trainable_parameters(decoder)} == {torch.float32}
    train_a_little(decoder)
    assert decoder(TOKENS).dtype == torch.bfloat16


def test_adapters_are_drawn_alike_whether_before_or_after_there_is_memory() -> None:
    with torch.device("meta"):
        late = Decoder(SMALL, max_length=16)
    add_adapters(late, rank=4, alpha=8.0, generator=None)
    late.to_empty(device="cpu")
    initialise_adapters(late, torch.Generator().manual_seed(5))
    drawn = adapter_weights(late.state_dict())
    assert all(torch.equal(drawn[name], weight) for name, weight in adapter_weights(adapted().state_dict()).items())
