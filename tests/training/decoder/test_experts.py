from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.training import ModelDetails  # noqa: E402
from stellwerk.training.decoder.experts import ExpertFeedForward, imbalance  # noqa: E402
from stellwerk.workload import Architecture, Experts  # noqa: E402

ARCHITECTURE = Architecture(
    layers=1,
    hidden=12,
    heads=2,
    kv_heads=2,
    head_dim=6,
    ffn_hidden=10,
    vocab=16,
    experts=Experts(routed=5, per_token=2, ffn_hidden=7),
)


def block(details: ModelDetails = ModelDetails(), **experts: int | bool) -> ExpertFeedForward:  # noqa: B008 - frozen
    assert ARCHITECTURE.experts is not None
    made = ExpertFeedForward(replace(ARCHITECTURE, experts=replace(ARCHITECTURE.experts, **experts)), details)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(generator=generator)
    return made


@pytest.mark.parametrize("normalised", [True, False])
def test_each_token_gets_its_experts_weighted_by_the_router(normalised: bool) -> None:
    made = block(ModelDetails(normalised_routing=normalised))
    hidden = torch.randn(2, 6, 12, generator=torch.Generator().manual_seed(3))
    result, _ = made(hidden)
    for place in ((0, 0), (1, 5)):
        token = hidden[place]
        scores = torch.softmax(made.router.weight @ token, dim=0)
        weights, chosen = scores.topk(2)
        if normalised:
            weights = weights / weights.sum()
        expected = sum(
            weight * (made.down[e] @ (torch.nn.functional.silu(made.gate[e] @ token) * (made.up[e] @ token)))
            for weight, e in zip(weights, chosen, strict=True)
        )
        torch.testing.assert_close(result[place], expected, rtol=1e-4, atol=1e-4)


def test_the_shared_expert_sees_every_token() -> None:
    made = block(shared_ffn_hidden=6, shared_gate=True)
    assert made.shared is not None
    assert made.shared_gate is not None
    hidden = torch.randn(1, 4, 12)
    with_shared, _ = made(hidden)
    shared = made.shared_gate(hidden).sigmoid() * made.shared(hidden)
    made.shared = None
    without, _ = made(hidden)
    torch.testing.assert_close(with_shared, without + shared, rtol=1e-4, atol=1e-4)


def test_an_expert_that_nobody_chose_gets_no_gradient() -> None:
    made = block(routed=8, per_token=1)
    result, _ = made(torch.ones(1, 3, 12))
    result.sum().backward()
    gradient = made.gate.grad
    assert gradient is not None
    assert (gradient.flatten(1).abs().sum(dim=1) > 0).sum() == 1


def test_an_even_spread_costs_one_and_a_single_favourite_more() -> None:
    even = torch.full((8, 4), 0.25)
    assert imbalance(even, torch.arange(8)[:, None] % 4).item() == pytest.approx(1.0)
    favourite = torch.tensor([[0.97, 0.01, 0.01, 0.01]]).repeat(8, 1)
    assert imbalance(favourite, torch.zeros(8, 1, dtype=torch.long)).item() == pytest.approx(4 * 0.97)
