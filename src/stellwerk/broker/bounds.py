"""Limits that a plan has to keep, over many options at once.

Each option is one way to run the workload (a layout, a set of replicas). A bound says for every option what it does to
the verdict, and for the chosen one why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

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
_AT_MOST_STEPS = np.array((RULED_OUT - OPEN, OPEN - NOTE, NOTE))
"""What it adds to the severity that the low, the best and the high estimate exceed a limit."""
_EFFECTS: dict[int, Effect] = {NOTE: "note", OPEN: "unknown", RULED_OUT: "impossible"}


class Choices(Protocol):
    """What the choice goes by; arrays of shape (n,), one entry an option."""

    @property
    def duration_s(self) -> FloatArray: ...
    @property
    def device_hours(self) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Estimates:
    """A quantity of every option with its interval: shape (3, n), the rows low, best and high."""

    values: FloatArray

    @classmethod
    def spread(cls, best: FloatArray, interval: Interval) -> Estimates:
        return cls(rows_of(interval) * best)

    def at(self, index: int) -> Interval:
        return Interval(*self.values[:, index].tolist())


def rows_of(interval: Interval) -> FloatArray:
    """Low, best and high as a column, shape (3, 1), to multiply a row of best estimates with."""
    return np.array(((interval.low,), (interval.best,), (interval.high,)))


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
        severity: IntArray = np.dot(_AT_MOST_STEPS, self.amounts.values > self.limit)
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
        steps = np.array((NOTE, OPEN - NOTE, below - OPEN))
        severity: IntArray = np.dot(steps, self.amounts.values < self.limit)
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
    if not len(options.duration_s):
        return None
    bounds = (*time_bounds, *other_bounds)
    severities = list(zip(*(bound.severity().tolist() for bound in bounds), strict=True))
    # The worst finding counts before any number of lesser ones.
    ranks = [(max(those), sum(those)) for those in severities] or [(FINE, 0)] * len(options.duration_s)
    least = min(ranks)
    equal = [row for row, one in enumerate(ranks) if one == least]
    durations, hours = options.duration_s.tolist(), options.device_hours.tolist()
    if time_bounds and any(max(severities[row][: len(time_bounds)]) < RULED_OUT for row in equal):
        return min((hours[row], durations[row], row) for row in equal)[-1]
    worth = math.inf if time_bounds else WORTH_FOR_SPEED * min(hours[row] for row in equal)
    return min((durations[row], hours[row], row) for row in equal if hours[row] <= worth)[-1]


def _finding(severity: int, reason: Reason, params: Params) -> Finding:
    return Finding(_EFFECTS[severity], replace(reason, params=params))
