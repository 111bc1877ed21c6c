from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.training.sample import PROMPT, sample_text  # noqa: E402
from stellwerk.training.transformer import Decoder, rotary_tables, rotate  # noqa: E402
from stellwerk.workload import Architecture, count_parameters  # noqa: E402

SMALL = Architecture(layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn_hidden=48, vocab=256)


@pytest.mark.parametrize(
    "architecture",
    [
        SMALL,
        replace(SMALL, kv_heads=4),
        replace(SMALL, tied_embeddings=True),
        replace(SMALL, attention_bias=True, output_bias=True, mlp_bias=True),
        replace(SMALL, head_dim=16),
        Architecture(layers=32, hidden=4096, heads=32, kv_heads=8, head_dim=128, ffn_hidden=14336, vocab=128_256),
    ],
)
def test_the_model_has_the_parameters_that_the_workload_counts(architecture: Architecture) -> None:
    with torch.device("meta"):
        decoder = Decoder(architecture, max_length=8)
    assert sum(p.numel() for p in decoder.parameters()) == count_parameters(architecture).total


def small_decoder() -> Decoder:
    decoder = Decoder(SMALL, max_length=16)
    decoder.initialise(torch.Generator().manual_seed(3))
    return decoder


def test_a_token_knows_nothing_of_those_after_it() -> None:
    decoder = small_decoder()
    tokens = torch.arange(16)[None]
    changed = tokens.clone()
    changed[0, 10] = 200
    with torch.no_grad():
        before, after = decoder(tokens), decoder(changed)
    assert torch.equal(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10:], after[:, 10:])


def test_attention_depends_on_distance_and_not_on_place() -> None:
    cosine, sine = rotary_tables(8, 12)
    query, key = torch.randn(8), torch.randn(8)

    def score(at_query: int, at_key: int) -> float:
        turned = [rotate(vector, cosine[at], sine[at]) for vector, at in ((query, at_query), (key, at_key))]
        return float(turned[0] @ turned[1])

    assert score(7, 3) == pytest.approx(score(11, 7), abs=1e-5)
    assert score(7, 3) != pytest.approx(score(7, 4), abs=1e-3)


def test_the_same_seed_draws_the_same_weights() -> None:
    pairs = zip(small_decoder().parameters(), small_decoder().parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_an_untrained_model_expects_nothing_in_particular() -> None:
    with torch.no_grad():
        logits = small_decoder()(torch.arange(16)[None])
    losses = -torch.log_softmax(logits, dim=-1).mean(dim=-1)
    assert losses.mean().item() == pytest.approx(5.545, abs=0.05), "ln(256)"


def test_a_sample_goes_on_from_the_prompt_and_can_be_repeated() -> None:
    texts = [sample_text(small_decoder(), context=16, length=20, temperature=1.0, seed=5) for _ in range(2)]
    assert texts[0].startswith(PROMPT)
    assert texts[0] == texts[1]
