from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.training.decoder import loss as module  # noqa: E402
from stellwerk.training.decoder.loss import chunked_cross_entropy  # noqa: E402


@pytest.mark.parametrize("logits_at_once", [2**29, 7 * 50, 1])
def test_blocks_give_the_loss_and_the_gradients_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, logits_at_once: int
) -> None:
    """In one block, in blocks of seven tokens with a rest, in blocks of one."""
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", logits_at_once)
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(24, 8, generator=generator, requires_grad=True)
    weight = torch.randn(50, 8, generator=generator, requires_grad=True)
    labels = torch.randint(50, (24,), generator=generator)
    expected = torch.nn.functional.cross_entropy(hidden @ weight.T, labels)
    gradients = torch.autograd.grad(3 * expected, (hidden, weight))

    loss = chunked_cross_entropy(hidden, weight, labels)

    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for own, other in zip(torch.autograd.grad(3 * loss, (hidden, weight)), gradients, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-6)


def test_many_blocks_in_bf16_add_up_without_losing_the_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of the matrix is a sum over blocks: kept in bf16 its error would grow with their number."""
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(2048, 16, generator=generator).bfloat16()
    weight = torch.randn(64, 16, generator=generator).bfloat16()
    labels = torch.randint(64, (2048,), generator=generator)

    def gradient() -> torch.Tensor:
        leaf = weight.clone().requires_grad_()
        chunked_cross_entropy(hidden, leaf, labels).backward()
        assert leaf.grad is not None
        return leaf.grad.float()

    whole = gradient()
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", 64 * 4)
    assert (gradient() - whole).norm() / whole.norm() < 0.01


def test_without_gradients_only_the_loss_is_worked_out() -> None:
    hidden, weight = torch.randn(6, 4), torch.randn(9, 4)
    labels = torch.tensor([0, 8, 3, 3, 1, 5])
    expected = torch.nn.functional.cross_entropy(hidden @ weight.T, labels)
    assert chunked_cross_entropy(hidden, weight, labels).item() == pytest.approx(expected.item(), rel=1e-6)
