"""The German text inside the package, as bytes: a first run needs no download."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.sequences import held_out_starts, sequence_starts

BYTE_VOCABULARY = 256
HELD_OUT_BLOCK_BYTES = 4096
HELD_OUT_EVERY = 20


@dataclass(frozen=True, slots=True)
class ByteText:
    """A text whose tokens are its bytes of UTF-8, a TokenSource; ``sha256`` is that of the whole text."""

    training: NDArray[np.uint8]
    held_out: NDArray[np.uint8]
    sha256: str
    vocabulary: int = BYTE_VOCABULARY

    def training_sequences(self, length: int, *, first: int, count: int, seed: int) -> NDArray[np.int64]:
        starts = sequence_starts(len(self.training), length, first=first, count=count, seed=seed)
        return _rows(self.training, starts, length)

    def held_out_sequences(self, length: int) -> NDArray[np.int64]:
        return _rows(self.held_out, held_out_starts(len(self.held_out), length), length)

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: list[int]) -> str:
        return bytes(tokens).decode("utf-8", errors="replace")


def german_excerpt() -> ByteText:
    """The German text inside the package (data/SOURCE.md says where it is from)."""
    return split_text((files(__package__) / "data" / "german-excerpt.txt").read_bytes())


def split_text(text: bytes) -> ByteText:
    """Every twentieth block of 4 KiB is kept aside, so that both parts speak of all the text's subjects."""
    tokens = np.frombuffer(text, dtype=np.uint8)
    kept_aside = (np.arange(len(tokens)) // HELD_OUT_BLOCK_BYTES) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    return ByteText(tokens[~kept_aside], tokens[kept_aside], hashlib.sha256(text).hexdigest())


def _rows(tokens: NDArray[np.uint8], starts: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    rows: NDArray[np.int64] = tokens[starts[:, None] + np.arange(length + 1)].astype(np.int64)
    return rows
