from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.training import Optimization  # noqa: E402
from stellwerk.training.optimizer import adamw, rounded_at_random  # noqa: E402


def test_rounding_at_random_is_right_on_average_and_next_to_the_value() -> None:
    torch.manual_seed(1)
    value = 1.0 + 2**-7 * 0.25  # a quarter of the way to the next number in bf16
    rounded = rounded_at_random(torch.full((20_000,), value)).float()
    assert set(rounded.tolist()) == {1.0, 1.0 + 2**-7}
    assert rounded.mean().item() == pytest.approx(value, abs=2**-7 * 0.02)


def test_a_number_that_bf16_has_is_kept() -> None:
    exact = torch.tensor([0.0, -1.5, 3.0e38, 1e-30]).bfloat16().float()
    assert torch.equal(rounded_at_random(exact).float(), exact)


def minimised(weight_type: str, steps: int = 300) -> float:
    """How far AdamW gets on a quadratic with steps that bf16 alone would lose: 1e-3 on weights around 1."""
    torch.manual_seed(2)
    dtype = torch.bfloat16 if weight_type == "bf16" else torch.float32
    layer = torch.nn.Linear(64, 64, bias=False).to(dtype)
    goal = torch.ones(64, 64) + 0.1 * torch.randn(64, 64)
    with torch.no_grad():
        layer.weight.fill_(1.3)
    optimization = Optimization(
        learning_rate=1e-3, weight_decay=0.0, weight_type="bf16" if weight_type == "bf16" else "fp32"
    )
    optimizer = adamw(layer, optimization, compiled=False)
    for _ in range(steps):
        layer.weight.grad = (layer.weight.detach().float() - goal).to(dtype)
        optimizer.step()
    return float((layer.weight.detach().float() - goal).square().mean())


def test_weights_in_bf16_learn_what_weights_in_fp32_learn() -> None:
    """Rounded to the nearest, a step of 1e-3 from 1.3 would change nothing, and the error would stay at 0.1."""
    assert minimised("bf16") == pytest.approx(minimised("fp32"), rel=0.2)
