"""A shuffled order of any length, of which any part is found without making the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.mixing import mixed

_ROUNDS = 6


def shuffled(places: NDArray[np.integer], size: int, order: np.random.Generator) -> NDArray[np.int64]:
    """What stands at ``places`` of the numbers below ``size`` in the order that the generator gives.

    A Feistel network is a permutation of the numbers of an even count of bits whatever its rounds do; a number that
    lands at or above ``size`` is sent through it again until it does not ("cycle walking", Black and Rogaway 2002),
    which keeps it a permutation of those below. The range is less than four times too large, so that this takes fewer
    than four turns on average.
    """
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    keys = order.integers(2**64, size=_ROUNDS, dtype=np.uint64)
    found = _permuted(places.astype(np.uint64), half, keys)
    while (outside := found >= size).any():
        found[outside] = _permuted(found[outside], half, keys)
    return found.astype(np.int64)


def _permuted(values: NDArray[np.uint64], half: np.uint64, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & mask
    for key in keys:
        left, right = right, left ^ (mixed(right ^ key) & mask)
    return (left << half) | right
