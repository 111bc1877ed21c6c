"""What was held over time: sums in bins, exact in whole numbers, and the most at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """For each bin between two edges: what was held times the seconds it was held for, and the most at once."""

    total_s: Ints
    most: Ints


class Timeline:
    """Intervals ``[start_s, end_s)``, sorted once for any number of questions about what they hold.

    What ends in a second is given back before what starts in it takes: at one instant nothing is counted twice.
    """

    def __init__(self, start_s: Ints, end_s: Ints) -> None:
        times_s = np.concatenate((start_s, end_s))
        self._order = np.argsort(times_s, kind="stable")
        self._times_s = times_s[self._order]

    def held(self, amount: Ints, edges_s: Ints) -> Held:
        """What the intervals, each holding its ``amount``, hold together between edges that increase."""
        if len(self._times_s) == 0:
            nothing = np.zeros(len(edges_s) - 1, np.int64)
            return Held(nothing, nothing)
        level = np.cumsum(np.concatenate((amount, -amount))[self._order])
        lasted_s = np.diff(self._times_s, append=self._times_s[-1])
        until_s = np.cumsum(level * lasted_s) - level * lasted_s
        last = np.searchsorted(self._times_s, edges_s, side="right") - 1  # the last change up to each edge
        begun = last >= 0
        at_edge = np.where(begun, level[last], 0)
        total_s = np.where(begun, until_s[last] + at_edge * (edges_s - self._times_s[last]), 0)
        return Held(
            total_s=np.diff(total_s),
            most=np.maximum(at_edge[:-1], self._most_between(np.where(lasted_s > 0, level, 0), last, edges_s)),
        )

    def _most_between(self, level: Ints, last: Ints, edges_s: Ints) -> Ints:
        """The highest level that is reached after one edge and before the next; 0 where none changes there."""
        first = last[:-1] + 1
        beyond = np.searchsorted(self._times_s, edges_s[1:], side="left")
        most = np.maximum.reduceat(np.append(level, 0), np.stack((first, beyond), axis=1).ravel())[::2]
        return np.where(first < beyond, most, 0)


def split_over_time(
    start_s: Ints,
    end_s: Ints,
    amount: Ints,
    group: Ints,
    groups: int,
    edges_s: Ints,
) -> Ints:
    """``amount`` times seconds between the edges by group, shape (groups, bins); what lies outside is not counted."""
    bins = len(edges_s) - 1
    sums = np.zeros((groups, bins), np.int64)
    first = np.clip(np.searchsorted(edges_s, start_s, side="right") - 1, 0, bins - 1)
    last = np.clip(np.searchsorted(edges_s, end_s, side="left") - 1, 0, bins - 1)
    touched = np.maximum(last - first + 1, 1)
    job = np.repeat(np.arange(len(start_s)), touched)
    place = np.arange(len(job)) - np.repeat(np.cumsum(touched) - touched, touched) + first[job]
    piece_s = np.minimum(end_s[job], edges_s[place + 1]) - np.maximum(start_s[job], edges_s[place])
    np.add.at(sums, (group[job], place), amount[job] * np.maximum(piece_s, 0))
    return sums
