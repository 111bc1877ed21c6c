from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.dataset import german_excerpt  # noqa: E402
from stellwerk.training import ModelDetails, RopeScaling  # noqa: E402
from stellwerk.training.decoder.transformer import Decoder, rotary_tables, rotate  # noqa: E402
from stellwerk.training.model import Recomputation  # noqa: E402
from stellwerk.training.parallel import initialise  # noqa: E402
from stellwerk.training.sample import sample_text  # noqa: E402
from stellwerk.workload import Architecture, Experts, count_parameters  # noqa: E402

SMALL = Architecture(layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn_hidden=48, vocab=256)


@pytest.mark.parametrize(
    "architecture",
    [
        SMALL,
        replace(SMALL, kv_heads=4),
        replace(SMALL, tied_embeddings=True),
        replace(SMALL, attention_bias=True, output_bias=True, mlp_bias=True),
        replace(SMALL, head_dim=16),
        replace(SMALL, qk_norm=True),
        replace(SMALL, qk_norm=True, qk_norm_width="projection"),
        replace(SMALL, experts=Experts(routed=4, per_token=2, ffn_hidden=24, dense_layers=1)),
        replace(SMALL, experts=Experts(4, 2, 24, shared_ffn_hidden=16, shared_gate=True)),
        Architecture(layers=32, hidden=4096, heads=32, kv_heads=8, head_dim=128, ffn_hidden=14336, vocab=128_256),
    ],
)
def test_the_model_has_the_parameters_that_the_workload_counts(architecture: Architecture) -> None:
    with torch.device("meta"):
        decoder = Decoder(architecture, max_length=8)
    assert sum(p.numel() for p in decoder.parameters()) == count_parameters(architecture).total


def small_decoder(recomputation: Recomputation = "none", seed: int = 3) -> Decoder:
    decoder = Decoder(SMALL, max_length=16, recomputation=recomputation)
    initialise(decoder, seed=seed)
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
    cosine, sine = rotary_tables(8, 12, ModelDetails())
    query, key = torch.randn(8), torch.randn(8)

    def score(at_query: int, at_key: int) -> float:
        turned = [rotate(vector, cosine[at], sine[at]) for vector, at in ((query, at_query), (key, at_key))]
        return float(turned[0] @ turned[1])

    assert score(7, 3) == pytest.approx(score(11, 7), abs=1e-5)
    assert score(7, 3) != pytest.approx(score(7, 4), abs=1e-3)


def test_stretched_rotations_keep_the_fast_ones_and_slow_the_slow_ones_down() -> None:
    """As in Llama 3.1: with frequencies from 1 down, the first turns as before, the last a factor of 8 slower."""
    details = ModelDetails(rope_theta=500_000.0, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 8192))
    plain, stretched = (
        torch.atan2(sine[1], cosine[1])[:64]
        for cosine, sine in (rotary_tables(128, 2, ModelDetails(rope_theta=500_000.0)), rotary_tables(128, 2, details))
    )
    assert stretched[0] == plain[0]
    assert (plain[-1] / stretched[-1]).item() == pytest.approx(8.0, rel=1e-4)
    assert (stretched <= plain).all()


def test_the_same_seed_draws_the_same_weights_and_another_one_others() -> None:
    one, same, other = small_decoder(), small_decoder(), small_decoder(seed=4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.embedding.weight, other.embedding.weight)


@pytest.mark.parametrize("recomputation", ["selective", "full"])
def test_recomputation_changes_no_gradient(recomputation: Recomputation) -> None:
    tokens = torch.arange(17)[None]
    plain, saving = small_decoder(), small_decoder(recomputation)
    for decoder in (plain, saving):
        decoder(tokens[:, :-1], tokens[:, 1:]).backward()
    for one, other in zip(plain.parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_an_untrained_model_expects_nothing_in_particular() -> None:
    with torch.no_grad():
        logits = small_decoder()(torch.arange(16)[None])
    losses = -torch.log_softmax(logits, dim=-1).mean(dim=-1)
    assert losses.mean().item() == pytest.approx(5.545, abs=0.05), "ln(256)"


def test_a_sample_goes_on_from_the_prompt_beyond_the_context_and_can_be_repeated() -> None:
    texts = [
        sample_text(small_decoder(), german_excerpt(), "§ 1 ", length=20, temperature=1.0, seed=5, device="cpu")
        for _ in range(2)
    ]
    assert texts[0].startswith("§ 1 ")
    assert len(texts[0].encode()) > len("§ 1 ".encode())
    assert texts[0] == texts[1]
