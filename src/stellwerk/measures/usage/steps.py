"""What was held over time: sums in bins, exact in whole numbers, and the most at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """For each bin between two edges: what was held times the seconds it was held for, and the most at once."""

    total_s: NDArray[np.int64]
    most: NDArray[np.int64]


def held_over_time(
    start_s: NDArray[np.int64], end_s: NDArray[np.int64], amount: NDArray[np.int64], edges_s: NDArray[np.int64]
) -> Held:
    """What intervals ``[start_s, end_s)``, each holding ``amount``, hold together between edges that increase.

    What ends in a second is given back before what starts in it takes: at one instant nothing is counted twice.
    """
    intervals = len(start_s)
    times = np.concatenate((start_s, end_s, edges_s))
    change = np.concatenate((amount, -amount, np.zeros(len(edges_s), np.int64)))
    order = np.argsort(times, kind="stable")  # edges come after all else of their second
    times, held = times[order], np.cumsum(change[order])
    lasted_s = np.diff(times, append=times[-1])
    held = np.where(lasted_s > 0, held, 0)
    place = np.flatnonzero(order >= 2 * intervals)
    first, beyond = place[:-1], place[-1]
    return Held(
        total_s=np.add.reduceat((held * lasted_s)[:beyond], first),
        most=np.maximum.reduceat(held[:beyond], first),
    )


def split_over_time(
    start_s: NDArray[np.int64],
    end_s: NDArray[np.int64],
    amount: NDArray[np.int64],
    group: NDArray[np.int64],
    groups: int,
    edges_s: NDArray[np.int64],
) -> NDArray[np.int64]:
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
