"""Which tokens each step reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def training_sequences(
    tokens: NDArray[np.unsignedinteger], length: int, first: int, count: int, seed: int
) -> NDArray[np.int64]:
    """Sequences ``first`` to ``first + count`` of the endless order that ``seed`` gives, (count, length + 1).

    Each pass over the text cuts it at another offset and shuffles the pieces. A sequence depends only on its
    number, so that any process can read its share, at any step, without what came before. The last token of a row
    is the label of the one before it. Raises ValueError where the text is shorter than two sequences.
    """
    pieces = (len(tokens) - 1) // length - 1
    if pieces < 1:
        raise ValueError(f"a text of {len(tokens)} tokens is too short for sequences of {length}")
    numbers = np.arange(first, first + count)
    rows = np.empty((count, length + 1), dtype=np.int64)
    for epoch in np.unique(numbers // pieces):
        order = np.random.default_rng((seed, int(epoch)))
        offset = int(order.integers(length))
        starts = offset + length * order.permutation(pieces)
        here = numbers // pieces == epoch
        rows[here] = tokens[starts[numbers[here] % pieces][:, None] + np.arange(length + 1)]
    return rows


def held_out_sequences(tokens: NDArray[np.unsignedinteger], length: int) -> NDArray[np.int64]:
    """The kept-aside tokens in order, (sequences, length + 1); a last incomplete sequence is left out."""
    count = (len(tokens) - 1) // length
    rows: NDArray[np.int64] = tokens[length * np.arange(count)[:, None] + np.arange(length + 1)].astype(np.int64)
    return rows
