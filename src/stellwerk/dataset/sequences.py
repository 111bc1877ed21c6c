"""Which tokens each step reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.order import shuffled
from stellwerk.errors import InputError


def sequence_starts(tokens: int, length: int, *, first: int, count: int, seed: int) -> NDArray[np.int64]:
    """Where sequences ``first`` to ``first + count`` of the endless order begin in a text of ``tokens`` tokens.

    Each pass over the text cuts it at another offset and shuffles the pieces. A sequence depends only on its
    number, so that any process can read its share, at any step, without what came before; the work is that of
    ``count`` sequences, however long the text. Raises InputError where the text is shorter than two sequences.
    """
    pieces = (tokens - 1) // length - 1
    if pieces < 1:
        raise InputError(f"a text of {tokens:,} tokens is too short for sequences of {length:,}", key="sequence_length")
    numbers = np.arange(first, first + count)
    starts = np.empty(count, dtype=np.int64)
    for epoch in range(first // pieces, (first + count - 1) // pieces + 1):
        order = np.random.default_rng((seed, epoch))
        offset = int(order.integers(length))
        here = numbers // pieces == epoch
        starts[here] = offset + length * shuffled(numbers[here] % pieces, pieces, order)
    return starts


def held_out_starts(tokens: int, length: int) -> NDArray[np.int64]:
    """Where the sequences of a text begin that is read in order; a last incomplete one is left out."""
    return length * np.arange(max(0, (tokens - 1) // length))
