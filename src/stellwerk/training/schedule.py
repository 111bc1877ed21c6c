"""The learning rate of each step."""

from __future__ import annotations

import math

from stellwerk.training.model import Optimization


def learning_rate(step: int, steps: int, optimization: Optimization) -> float:
    """At ``step`` (1 to ``steps``). It rises linearly over the first steps. ``wsd`` then holds it and lets it fall
    linearly over the last ones (Hu et al. 2024, arXiv:2404.06395, section 4, with the decay of Hägele et al. 2024);
    ``cosine`` lets it follow half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983)."""
    warm_up = max(1, round(optimization.warm_up_share * steps))
    rise = min(1.0, step / warm_up)
    if optimization.schedule == "cosine":
        fall = (1 + math.cos(math.pi * max(0.0, (step - warm_up) / max(1, steps - warm_up)))) / 2
    else:
        fall = min(1.0, (steps - step + 1) / max(1, round(optimization.decay_share * steps)))
    final = optimization.final_share
    return optimization.learning_rate * min(rise, final + (1 - final) * fall)
