"""Limits that a plan has to keep, over many options at once.

Each option is one way to run the workload (a layout, a set of replicas). A bound says for every option what it does to
the verdict, and for the chosen one why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stellwerk.broker.model import Effect, Finding
from stellwerk.messages import Reason, Words
from stellwerk.planner import WORTH_FOR_SPEED
from stellwerk.units import Interval

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Params = Mapping[str, str | int | float | Words]

FINE, NOTE, OPEN, RULED_OUT = range(4)
_EFFECTS: dict[int, Effect] = {NOTE: "note", OPEN: "unknown", RULED_OUT: "impossible"}


class Choices(Protocol):
    """What the choice goes by; arrays of shape (n,), one entry an option."""

    @property
    def duration_s(self) -> FloatArray: ...
    @property
    def device_hours(self) -> FloatArray: ...


class Estimates(NamedTuple):
    """A quantity of every option with its interval; arrays of shape (n,)."""

    low: FloatArray
    best: FloatArray
    high: FloatArray

    @classmethod
    def spread(cls, best: FloatArray, interval: Interval) -> Estimates:
        return cls(best * interval.low, best * interval.best, best * interval.high)

    def at(self, index: int) -> Interval:
        return Interval(float(self.low[index]), float(self.best[index]), float(self.high[index]))


class Bound(Protocol):
    def severity(self) -> IntArray:
        """FINE, NOTE, OPEN or RULED_OUT for every option; shape (n,)."""

    def finding(self, index: int) -> Finding | None:
        """Why, for one option; None where it is fine."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """``amounts`` must stay within ``limit``.

    The reasons, whose ``params`` are filled in, say that they exceed it for certain, may exceed it, or exceed it
    only at the upper end of the interval.
    """

    amounts: Estimates
    limit: float
    exceeds: Reason
    may_exceed: Reason
    tight: Reason
    params: Callable[[int], Params]

    def severity(self) -> IntArray:
        low, best, high = (amounts > self.limit for amounts in self.amounts)
        severity: IntArray = high * NOTE + best * (OPEN - NOTE) + low * (RULED_OUT - OPEN)
        return severity

    def finding(self, index: int) -> Finding | None:
        amount = self.amounts.at(index)
        if amount.high <= self.limit:
            return None
        if amount.low > self.limit:
            return _finding(RULED_OUT, self.exceeds, self.params(index))
        if amount.best > self.limit:
            return _finding(OPEN, self.may_exceed, self.params(index))
        return _finding(NOTE, self.tight, self.params(index))


@dataclass(frozen=True, slots=True)
class AtLeast:
    """``amounts`` must reach ``limit``. A run below it rules an offer out only where no option, however wasteful, comes
    near (``most``): a project may hold more than this run. Otherwise the answer stays open."""

    amounts: Estimates
    limit: float
    most: float
    misses: Reason
    alone_misses: Reason
    may_miss: Reason
    tight: Reason
    params: Callable[[int], Params]

    def severity(self) -> IntArray:
        below = RULED_OUT if self.most < self.limit else OPEN
        low, best, high = (amounts < self.limit for amounts in self.amounts)
        severity: IntArray = low * NOTE + best * (OPEN - NOTE) + high * (below - OPEN)
        return severity

    def finding(self, index: int) -> Finding | None:
        amount = self.amounts.at(index)
        if amount.low >= self.limit:
            return None
        if amount.best >= self.limit:
            return _finding(NOTE, self.tight, self.params(index))
        if amount.high >= self.limit:
            return _finding(OPEN, self.may_miss, self.params(index))
        if self.most < self.limit:
            return _finding(RULED_OUT, self.misses, self.params(index))
        return _finding(OPEN, self.alone_misses, self.params(index))


def choose(options: Choices, time_bounds: Sequence[Bound], other_bounds: Sequence[Bound]) -> int | None:
    """The option that the fewest things stand against; None without any option.

    Among equals: the fastest where none keeps the time, else the fewest device-hours where time is limited, else the
    fastest that takes at most ``WORTH_FOR_SPEED`` of the fewest. Looser bounds never make the worst finding worse.
    """
    count = len(options.duration_s)
    if count == 0:
        return None
    time_worst, time_total = _severities(time_bounds, count)
    other_worst, other_total = _severities(other_bounds, count)
    worst, total = np.maximum(time_worst, other_worst), time_total + other_total
    # The worst finding counts before any number of lesser ones.
    rank = worst * (RULED_OUT * (len(time_bounds) + len(other_bounds)) + 1) + total
    equal = rank == rank.min()
    hours = np.where(equal, options.device_hours, math.inf)
    if time_worst[equal].min() == RULED_OUT:
        return _first(np.where(equal, options.duration_s, math.inf), hours)
    if time_bounds:
        return _first(hours, options.duration_s)
    affordable = hours <= WORTH_FOR_SPEED * hours.min()
    return _first(np.where(affordable, options.duration_s, math.inf), hours)


def _severities(bounds: Sequence[Bound], count: int) -> tuple[IntArray, IntArray]:
    """(The worst severity, the sum of them) for every option."""
    worst, total = np.full(count, FINE, dtype=np.int64), np.full(count, FINE, dtype=np.int64)
    for bound in bounds:
        severity = bound.severity()
        worst, total = np.maximum(worst, severity), total + severity
    return worst, total


def _first(key: FloatArray, then: FloatArray) -> int:
    return int(np.lexsort((then, key))[0])


def _finding(severity: int, reason: Reason, params: Params) -> Finding:
    return Finding(_EFFECTS[severity], replace(reason, params=params))
