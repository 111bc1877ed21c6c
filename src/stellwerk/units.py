"""Quantities: an estimate with its interval, and the reading of values that people write with a unit.

Numbers inside Stellwerk are plain floats and ints whose unit stands in the name
(``memory_bytes``, ``step_time_s``). Conversion from what a person wrote happens here, once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86400.0
JOULES_PER_KWH = 3.6e6
JOULES_PER_MWH = 3.6e9
KG_PER_T = 1000.0

_COUNT_SUFFIXES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12}
_DURATIONS_S = {"s": 1.0, "min": 60.0, "h": SECONDS_PER_HOUR, "d": SECONDS_PER_DAY, "w": 7 * SECONDS_PER_DAY}
_NUMBER_AND_SUFFIX = re.compile(r"\s*(\d+(?:[._]\d+)*)\s*([A-Za-z]*)\s*", re.ASCII)
_MONEY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Z]{3})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Interval:
    """A best estimate with the bounds between which 80% of measurements are expected.

    ``low <= best <= high``; an exact value has all three equal.
    """

    low: float
    best: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.best <= self.high:
            raise ValueError(f"interval out of order: {self.low} <= {self.best} <= {self.high}")

    @classmethod
    def exactly(cls, value: float) -> Interval:
        return cls(value, value, value)

    def __mul__(self, factor: float) -> Interval:
        return Interval(self.low * factor, self.best * factor, self.high * factor)

    def times(self, other: Interval) -> Interval:
        """The product of two independent positive estimates: their relative widths add in quadrature."""
        if other.low == other.high:
            return self * other.best
        best = self.best * other.best
        down = math.hypot(math.log(self.best / self.low), math.log(other.best / other.low))
        up = math.hypot(math.log(self.high / self.best), math.log(other.high / other.best))
        return Interval(best * math.exp(-down), best, best * math.exp(up))

    def reciprocal(self) -> Interval:
        """One over a positive estimate; the bounds change places."""
        return Interval(1 / self.high, 1 / self.best, 1 / self.low)

    def rounded(self, figures: int) -> Interval:
        """The same interval with so many significant figures: what an estimate deserves when people read it. An exact
        value keeps all of its own."""
        if self.low == self.high:
            return self
        low, best, high = (float(f"{value:.{figures}g}") for value in (self.low, self.best, self.high))
        return Interval(low, best, high)

    def as_dict(self) -> dict[str, float]:
        return {"low": self.low, "best": self.best, "high": self.high}


class Money(NamedTuple):
    """An amount in one currency (ISO 4217 code)."""

    amount: Decimal
    currency: str


def parse_count(text: str) -> int:
    """A whole number as people write it: ``"1T"``, ``"7.5B"``, ``"300M"``, ``"4096"``.

    Raises ValueError for anything else, a fraction of one included.
    """
    number, suffix = _split(text)
    if suffix.upper() not in _COUNT_SUFFIXES:
        raise ValueError(f"unknown suffix {suffix!r}")
    count = number * _COUNT_SUFFIXES[suffix.upper()]
    if count != int(count):
        raise ValueError("not a whole number")
    return int(count)


def parse_duration_s(text: str) -> float:
    """Seconds from ``"90s"``, ``"30min"``, ``"36h"``, ``"90d"`` or ``"12w"``; raises ValueError for anything else."""
    number, suffix = _split(text)
    if suffix not in _DURATIONS_S:
        raise ValueError(f"unknown unit {suffix!r}")
    return float(number) * _DURATIONS_S[suffix]


def parse_money(text: str) -> Money:
    """``"500000 EUR"`` as amount and currency; raises ValueError for anything else."""
    found = _MONEY.fullmatch(text)
    if found is None:
        raise ValueError("not an amount with a three-letter currency")
    return Money(Decimal(found[1]), found[2])


def format_count(number: float) -> str:
    """A number in the short form that people may also write: 7.25e9 → ``7.25B``."""
    for suffix, factor in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if abs(number) >= factor:
            return f"{number / factor:.3g}{suffix}"
    return f"{number:.3g}"


def _split(text: str) -> tuple[Decimal, str]:
    found = _NUMBER_AND_SUFFIX.fullmatch(text)
    if found is None:
        raise ValueError("not a number with a unit")
    try:
        return Decimal(found[1].replace("_", "")), found[2]
    except InvalidOperation as error:
        raise ValueError("not a number") from error
