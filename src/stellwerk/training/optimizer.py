"""AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) over the weights that are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from stellwerk.training.model import Optimization
from stellwerk.training.shares import local_part

ADAM_BETAS = (0.9, 0.95)
ADAM_EPSILON = 1e-8
MOMENTS = ("exp_avg", "exp_avg_sq")


def adamw(decoder: nn.Module, optimization: Optimization, *, compiled: bool) -> torch.optim.Optimizer:
    """Norms and biases do not decay. The moments are there from the start, so that a checkpoint can fill them."""
    trained = [parameter for parameter in decoder.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": optimization.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    rate = optimization.learning_rate
    optimizer: torch.optim.Optimizer
    if trained[0].dtype == torch.bfloat16:
        optimizer = RoundingAdamW(groups, learning_rate=rate, compiled=compiled)
    else:
        optimizer = torch.optim.AdamW(groups, lr=rate, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True)
    for parameter in trained:
        optimizer.state[parameter] = {
            "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
            **{moment: torch.zeros_like(parameter.data) for moment in MOMENTS},
        }
    return optimizer


def optimizer_tensors(
    optimizer: torch.optim.Optimizer, trained: Iterable[tuple[str, nn.Parameter]]
) -> dict[str, Tensor]:
    """The moments and the number of steps behind them, by the name of the weight."""
    return {
        f"optimizer.{name}.{part}": optimizer.state[parameter][part]
        for name, parameter in trained
        for part in (*MOMENTS, "step")
    }


class RoundingAdamW(torch.optim.Optimizer):
    """AdamW on weights that are kept in bf16, with moments in bf16: 8 bytes per parameter with its gradient, not 16.

    A change far below a weight's last digit would be lost by rounding to the nearest; rounding up or down at random,
    in proportion to what is between, keeps it on average (Zamirai et al. 2020, arXiv:2010.06192, section 3). The draws
    depend on torch's generator.
    """

    def __init__(self, groups: list[dict[str, Any]], *, learning_rate: float, compiled: bool) -> None:
        super().__init__(groups, {"lr": learning_rate})
        self._update: Callable[..., None] = torch.compile(_update, dynamic=False) if compiled else _update

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        for group in self.param_groups:
            parameters = group["params"]
            decayed = 1 - group["lr"] * group["weight_decay"]
            rates = torch.tensor([group["lr"], decayed], device=parameters[0].device) if parameters else None
            for parameter in parameters:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                state["step"] += 1
                parts = (parameter.data, parameter.grad, state["exp_avg"], state["exp_avg_sq"])
                self._update(*(local_part(part) for part in parts), state["step"], rates)


def _update(weight: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: Tensor, rates: Tensor) -> None:
    """One step of AdamW in fp32, each result written back in its own type."""
    first, second = ADAM_BETAS
    wide = gradient.float()
    new_mean = mean.float().lerp(wide, 1 - first)
    new_square = second * square.float() + (1 - second) * wide * wide
    denominator = (new_square / (1 - second**step)).sqrt() + ADAM_EPSILON
    change = rates[0] * (new_mean / (1 - first**step)) / denominator
    weight.copy_(rounded_at_random(weight.float() * rates[1] - change))
    mean.copy_(new_mean)
    square.copy_(new_square)


def rounded_at_random(values: Tensor) -> Tensor:
    """fp32 to bf16, up or down with a chance that makes the mean right: bf16 is the upper half of the 32 bits."""
    bits = values.view(torch.int32)
    noise = torch.randint(0, 1 << 16, bits.shape, dtype=torch.int32, device=bits.device)
    return ((bits + noise) & -(1 << 16)).view(torch.float32).to(torch.bfloat16)
