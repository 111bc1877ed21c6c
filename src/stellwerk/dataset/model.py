"""What the program that trains reads, wherever it comes from."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TokenSource(Protocol):
    """Tokens in an order that depends on a seed and on nothing else: any process can read its share at any step."""

    @property
    def vocabulary(self) -> int:
        """Tokens are numbers below it."""

    @property
    def sha256(self) -> str:
        """Of everything that the tokens depend on."""

    def training_sequences(self, length: int, *, first: int, count: int, seed: int) -> NDArray[np.int64]:
        """Sequences ``first`` to ``first + count`` of the endless order that ``seed`` gives, (count, length + 1).

        The last token of a row is the label of the one before it. Raises InputError where the source is shorter than
        two sequences, or what is read is not what was prepared.
        """

    def held_out_sequences(self, length: int) -> NDArray[np.int64]:
        """What is kept aside to check the model, in order, (sequences, length + 1)."""

    def encode(self, text: str) -> list[int]:
        """A text as tokens."""

    def decode(self, tokens: list[int]) -> str:
        """Tokens as text; what is no valid UTF-8 shows as U+FFFD."""
