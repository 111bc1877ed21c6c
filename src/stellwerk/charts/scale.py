"""Logarithmic axes that can also show zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stellwerk.charts.ticks import log_ticks

ZERO_LANE = 64.0
"""Room that values of zero take at the start of an axis, which has no zero of its own."""


@dataclass(frozen=True, slots=True)
class LogScale:
    """Maps positive values to positions between ``start`` and ``end`` and zero to a lane of its own before them."""

    start: float
    end: float
    ticks: tuple[float, ...]
    zero: float | None

    @property
    def edge(self) -> float:
        """Where the axis begins, the lane of zero included."""
        return self.start if self.zero is None else 2 * self.zero - self.start

    def at(self, value: float) -> float:
        """The position of a value; values beyond the ticks lie on the border."""
        if value <= 0 and self.zero is not None:
            return self.zero
        low, high = self.ticks[0], self.ticks[-1]
        share = math.log(min(max(value, low), high) / low) / math.log(high / low)
        return self.start + share * (self.end - self.start)


def log_scale(values: Sequence[float], start: float, end: float) -> LogScale:
    """A scale for values >= 0 from ``start`` to ``end`` (which may lie before it, as on an upright axis). An infinite
    value stands at the end.

    Raises ValueError for a negative value.
    """
    if any(value < 0 for value in values):
        raise ValueError("a logarithmic axis shows no negative value")
    positive = [value for value in values if 0 < value < math.inf] or [1.0]
    ticks = log_ticks(min(positive), max(positive))
    if all(values):
        return LogScale(start, end, ticks, None)
    lane = math.copysign(ZERO_LANE, end - start)
    return LogScale(start + lane, end, ticks, start + lane / 2)
