"""The learning rate of each step."""

from __future__ import annotations


def warm_up_stable_decay(step: int, steps: int, warm_up_share: float, decay_share: float) -> float:
    """Share of the full learning rate at ``step`` (1 to ``steps``): rises, holds, falls, each linearly.

    The schedule of Hu et al. 2024 (MiniCPM, section 4), with a linear decay as in Hägele et al. 2024.
    """
    warm_up = max(1, round(warm_up_share * steps))
    decay = max(1, round(decay_share * steps))
    return min(1.0, step / warm_up, (steps - step + 1) / decay)
