"""What two documents have in common, as numbers: a hash that equal ones share, a signature that similar ones share.

MinHash (Broder 1997) on shingles of ``SHINGLE_WORDS`` words: the smallest value that a hash function takes on the
shingles of a document is the same for two documents with the probability of their Jaccard similarity, the share of
shingles in both among those in either. With ``HASHES`` functions the share of equal values estimates it, with a
standard deviation of sqrt(J (1 - J) / HASHES), 0.037 at J = 0.8.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.mixing import mixed

SHINGLE_WORDS = 5
BANDS = 20
ROWS = 6
HASHES = BANDS * ROWS
DIGEST_BYTES = 16
_BLOCK_BYTES = 2**20
_BLOCK_SHINGLES = 1024  # 1 MB of hash values: they stay in the cache of a core

_RANDOM = np.random.default_rng(20260705)  # the functions are part of the format of what a prepare left unfinished
_BYTE_CODES = _RANDOM.integers(2**64, size=256, dtype=np.uint64)
_PLACE_CODES = _RANDOM.integers(2**64, size=64, dtype=np.uint64) | np.uint64(1)
_WORD_CODES = _RANDOM.integers(2**64, size=SHINGLE_WORDS, dtype=np.uint64) | np.uint64(1)
_FACTORS = _RANDOM.integers(2**64, size=(HASHES, 1), dtype=np.uint64) | np.uint64(1)
_SUMMANDS = _RANDOM.integers(2**64, size=(HASHES, 1), dtype=np.uint64)
_IS_WORD = np.array([chr(byte).isalnum() or byte >= 0x80 for byte in range(256)])


def normalised(text: str) -> bytes:
    """The text that counts as the same: compatibility characters, case and runs of white space make no difference."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).encode()


def digest(content: bytes) -> bytes:
    """A hash of a normalised text: two that differ have the same one with a probability of 2**-128 per pair."""
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


def signatures(texts: Sequence[bytes]) -> NDArray[np.uint32]:
    """The MinHash signature of each normalised text, (texts, HASHES).

    A word is a run of letters, digits and bytes above 127. A text of fewer words than a shingle has one shingle, all of
    them; one without any word has one that only itself has. A long text is read in blocks, between which shingles
    are lost.
    """
    found = np.full((len(texts), HASHES), np.iinfo(np.uint32).max, dtype=np.uint32)
    batch: list[tuple[int, bytes]] = []
    size = 0
    for number, text in enumerate(texts):
        for block in _blocks(text):
            batch.append((number, block))
            size += len(block)
            if size >= _BLOCK_BYTES:
                _lower(found, batch)
                batch, size = [], 0
    _lower(found, batch)
    return found


def _blocks(text: bytes) -> list[bytes]:
    """The text in blocks of about ``_BLOCK_BYTES`` that end where a word does."""
    blocks = []
    first = 0
    while len(text) - first > _BLOCK_BYTES:
        end = text.find(b" ", first + _BLOCK_BYTES)
        if end < 0:
            break
        blocks.append(text[first:end])
        first = end
    return [*blocks, text[first:]]


def _lower(found: NDArray[np.uint32], batch: list[tuple[int, bytes]]) -> None:
    """Lowers the signatures of the texts in the batch to what its blocks give."""
    if not batch:
        return
    shingles, counts = _shingles([block for _, block in batch])
    owners = np.repeat(np.array([number for number, _ in batch]), counts)
    for first in range(0, len(shingles), _BLOCK_SHINGLES):
        values = (_FACTORS * shingles[first : first + _BLOCK_SHINGLES] + _SUMMANDS) >> np.uint64(32)
        here = owners[first : first + _BLOCK_SHINGLES]
        begins = np.flatnonzero(np.diff(here, prepend=-1))
        lowest = np.minimum.reduceat(values, begins, axis=1).T.astype(np.uint32)
        found[here[begins]] = np.minimum(found[here[begins]], lowest)


def _shingles(blocks: list[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The shingles of all blocks one after the other as numbers, and how many each block has: at least one."""
    content = np.frombuffer(b" ".join(blocks) + b" ", dtype=np.uint8)
    is_word = _IS_WORD[content]
    edges = np.flatnonzero(np.diff(is_word, prepend=False))  # a blank ends the content, so that every word ends
    starts, ends = edges[::2], edges[1::2]
    words = _word_hashes(content, is_word, starts, ends)

    block_ends = np.cumsum([len(block) + 1 for block in blocks])
    words_before = np.concatenate([[0], np.searchsorted(starts, block_ends)])
    words_of = np.diff(words_before)
    counts = np.maximum(1, words_of - SHINGLE_WORDS + 1)
    padded = np.concatenate([words, np.zeros(SHINGLE_WORDS, dtype=np.uint64)])
    places = np.repeat(words_before[:-1] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(
        counts.sum()
    )
    found = np.zeros(len(places), dtype=np.uint64)
    for offset, code in enumerate(_WORD_CODES):
        found += padded[places + offset] * code
    first_of = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for number in np.flatnonzero(words_of < SHINGLE_WORDS):
        own = padded[words_before[number] : words_before[number + 1]]
        if len(own):
            value = int(np.sum(own * _WORD_CODES[: len(own)], dtype=np.uint64))
        else:
            value = int.from_bytes(digest(blocks[number])[:8], "little")
        found[first_of[number]] = value
    return mixed(found), counts


def _word_hashes(
    content: NDArray[np.uint8], is_word: NDArray[np.bool_], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """A number for each word that depends on its bytes and their places."""
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    lengths = ends - starts
    letters = content[is_word]
    first_of = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    places = np.arange(len(letters)) - np.repeat(first_of, lengths)
    codes = _BYTE_CODES[letters] * _PLACE_CODES[places % len(_PLACE_CODES)]
    return mixed(np.add.reduceat(codes, first_of))
