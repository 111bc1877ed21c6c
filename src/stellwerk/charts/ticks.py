"""Round numbers along an axis."""

from __future__ import annotations

import math

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def linear_ticks(largest: float, count: int = 5) -> tuple[float, ...]:
    """About ``count`` round numbers from 0 to the first one that is not below ``largest`` (> 0)."""
    rough = largest / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough * (1 - 1e-9))
    steps = math.ceil(largest / step * (1 - 1e-9))
    return tuple(_clean(index * step) for index in range(steps + 1))


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers of a logarithmic axis that encloses ``low`` to ``high`` (both > 0).

    The decades; where fewer than three of them lie in between, 2 and 5 times the decades as well. The first tick
    is not above ``low``, the last not below ``high``.
    """
    decades = math.log10(high / low)
    factors = (1.0,) if decades >= 3 else (1.0, 2.0, 5.0)
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    candidates = [_clean(factor * 10.0**power) for power in range(first, last + 1) for factor in factors]
    start = max(index for index, tick in enumerate(candidates) if tick <= low * (1 + 1e-9))
    end = min(index for index, tick in enumerate(candidates) if tick >= high * (1 - 1e-9))
    if start == end:
        end += 1
    return tuple(candidates[start : end + 1])


def decimals_of(tick: float) -> int:
    """How many decimals a tick is written with."""
    return len(f"{tick:.12g}".partition(".")[2]) if "e" not in f"{tick:.12g}" else 0


def _clean(value: float) -> float:
    """Without the dust of binary arithmetic (0.30000000000000004)."""
    return float(f"{value:.12g}")
