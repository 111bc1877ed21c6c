"""What becomes of each document: learnt, kept aside to check the model, or dropped."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.duplicates import first_of_equal, first_of_similar
from stellwerk.dataset.mixing import mixed
from stellwerk.errors import InputError

Deduplication = Literal["near", "exact", "off"]
HELD_OUT_LIMIT_BYTES = 32 * 2**20
"""More text says nothing more about a model and would be read at each evaluation."""
_LARGE = 10


class Fate(IntEnum):
    TRAINING = 0
    HELD_OUT = 1
    EMPTY = 2
    EXACT_DUPLICATE = 3
    NEAR_DUPLICATE = 4


class Survey(NamedTuple):
    """What is known of all documents, in their order: the digest of each normalised text (DIGEST_BYTES,), its signature
    (HASHES,) unless near duplicates stay, its bytes as it stands, whether nothing is left of it, its source's place."""

    digests: NDArray[np.uint8]
    signatures: NDArray[np.uint32]
    text_bytes: NDArray[np.int64]
    empty: NDArray[np.bool_]
    sources: NDArray[np.int32]


def choose(survey: Survey, *, deduplication: Deduplication, held_out_share: float, seed: int) -> NDArray[np.uint8]:
    """The fate of each document, which depends on the documents and the arguments alone.

    Raises InputError where nothing is left to learn from, or nothing to keep aside.
    """
    fates = np.full(len(survey.empty), Fate.TRAINING, dtype=np.uint8)
    fates[survey.empty] = Fate.EMPTY
    if deduplication != "off":
        there = np.flatnonzero(fates == Fate.TRAINING)
        fates[there[~first_of_equal(_as_items(survey.digests[there]))]] = Fate.EXACT_DUPLICATE
    if deduplication == "near":
        there = np.flatnonzero(fates == Fate.TRAINING)
        fates[there[~first_of_similar(survey.signatures[there])]] = Fate.NEAR_DUPLICATE
    there = np.flatnonzero(fates == Fate.TRAINING)
    if not len(there):
        raise InputError("no document is left: all are empty")
    if held_out_share > 0:
        fates[there[_held_out(survey.digests[there], survey.text_bytes[there], held_out_share, seed)]] = Fate.HELD_OUT
    return fates


def drawn(digests: NDArray[np.uint8], seed: int) -> NDArray[np.uint64]:
    """A number for each document, as if drawn, that depends on its text and the seed alone."""
    numbers = np.ascontiguousarray(digests[:, :8]).view("<u8")[:, 0]
    return mixed(numbers ^ mixed(np.array([seed], dtype=np.uint64)))


def _held_out(digests: NDArray[np.uint8], text_bytes: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Places of the documents with the lowest draws: the share of them, at most so much text, at least one.

    Equal texts have equal draws, so that where duplicates stay, no text is on both sides. A document of more than a
    tenth of the text is never one of them unless there is no other.
    """
    draws = drawn(digests, seed)
    ordinary = np.flatnonzero(text_bytes * _LARGE <= text_bytes.sum())
    open_to_it = ordinary if len(ordinary) else np.arange(len(draws))
    in_order = open_to_it[np.argsort(draws[open_to_it], kind="stable")]
    count = max(1, round(share * len(draws)))
    before = np.cumsum(text_bytes[in_order]) - text_bytes[in_order]
    taken = in_order[:count][before[:count] < HELD_OUT_LIMIT_BYTES]
    places = np.flatnonzero(np.isin(draws, draws[taken]))
    if len(places) == len(draws):
        raise InputError(
            "nothing would be left to learn from: all the text is one document, or the same one",
            key="held_out_share",
            value=share,
            allowed="0 keeps nothing aside; --separator LINE cuts a text file into documents",
        )
    return places


def _as_items(digests: NDArray[np.uint8]) -> NDArray[np.void]:
    content = np.ascontiguousarray(digests)
    return content.view(np.dtype((np.void, content.shape[1])))[:, 0]
