"""A prepared dataset, read as a training does: any sequence at any time, straight from the files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.inputs import hash_file
from stellwerk.dataset.manifest import TOKENIZER, TOKENIZER_LIMIT_BYTES, Manifest, Part, Shard, read_manifest
from stellwerk.dataset.sequences import held_out_starts, sequence_starts
from stellwerk.dataset.vocabulary import tokenizer_from
from stellwerk.errors import InputError
from stellwerk.files import read_bytes

HASHED_AT_OPEN_BYTES = 64 * 2**20
"""Shards of at most so many bytes in all are hashed when they are opened, in less than a tenth of a second."""
WHAT_TO_DO = "copy the shard again from where it is whole, or prepare the dataset anew into an empty folder"


def open_dataset(folder: Path) -> PreparedText:
    """The dataset that ``stellwerk data prepare`` made in a folder.

    Raises InputError for a folder without a whole dataset, a shard that is missing or of another size, and a tokenizer
    that is not the one of the shards. What all bytes of a large dataset are, ``check_shard`` finds out: hashing them
    here would take minutes.
    """
    manifest = read_manifest(folder)
    parts = (manifest.training, manifest.held_out)
    width = np.dtype(manifest.token_type).itemsize
    for shard in (shard for part in parts for shard in part.shards):
        _check_size(folder, shard, width)
    if _hash_of_tokenizer(folder) != manifest.tokenizer_sha256:
        raise InputError(
            "is not the tokenizer that the shards were written with",
            file=folder / TOKENIZER,
            allowed="the file that stellwerk data prepare wrote beside them",
        )
    if sum(part.tokens for part in parts) * width <= HASHED_AT_OPEN_BYTES:
        for shard in (shard for part in parts for shard in part.shards):
            check_shard(folder, shard)
    return PreparedText(folder, manifest)


def check_shard(folder: Path, shard: Shard) -> None:
    """Raises InputError where the shard's bytes are not those that were written."""
    path = folder / shard.file
    try:
        found = hash_file(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path, allowed=WHAT_TO_DO) from None
    if found != shard.sha256:
        raise InputError("the shard is corrupt: its SHA-256 is not the manifest's", file=path, allowed=WHAT_TO_DO)


class PreparedText:
    """A TokenSource over shards that are mapped into memory: opening it and each step cost the same for any size."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.vocabulary = manifest.vocabulary
        self.sha256 = manifest.sha256
        self._folder = folder
        self._training = _Stream(folder, manifest, manifest.training)
        self._held_out = _Stream(folder, manifest, manifest.held_out)

    def training_sequences(self, length: int, *, first: int, count: int, seed: int) -> NDArray[np.int64]:
        starts = sequence_starts(self.manifest.training.tokens, length, first=first, count=count, seed=seed)
        return self._training.rows(starts, length)

    def held_out_sequences(self, length: int) -> NDArray[np.int64]:
        return self._held_out.rows(held_out_starts(self.manifest.held_out.tokens, length), length)

    def encode(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return tokens

    def decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=False)
        return text

    @cached_property
    def _tokenizer(self) -> Any:
        path = self._folder / TOKENIZER
        return tokenizer_from(read_bytes(path, limit_bytes=TOKENIZER_LIMIT_BYTES), path)


class _Stream:
    """The tokens of one part, shard after shard, as if they were one array."""

    def __init__(self, folder: Path, manifest: Manifest, part: Part) -> None:
        self._folder = folder
        self._type = np.dtype(manifest.token_type).newbyteorder("<")
        self._vocabulary = manifest.vocabulary
        self._shards = part.shards
        self._ends = np.cumsum([shard.tokens for shard in part.shards])
        self._mapped: dict[int, NDArray[np.unsignedinteger]] = {}

    def rows(self, starts: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        """The tokens from each start on, (starts, length + 1)."""
        rows = np.empty((len(starts), length + 1), dtype=np.int64)
        shards = np.searchsorted(self._ends, starts, side="right")
        for row, start, shard in zip(rows, starts.tolist(), shards.tolist(), strict=True):
            self._fill(row, start, shard)
        if rows.size and int(rows.max()) >= self._vocabulary:
            self._refuse(starts, rows)
        return rows

    def _fill(self, row: NDArray[np.int64], start: int, shard: int) -> None:
        done = 0
        while done < len(row):
            tokens = self._tokens_of(shard)
            at = start + done - (int(self._ends[shard]) - len(tokens))
            part = tokens[at : at + len(row) - done]
            row[done : done + len(part)] = part
            done += len(part)
            shard += 1

    def _tokens_of(self, shard: int) -> NDArray[np.unsignedinteger]:
        if shard not in self._mapped:
            path = self._folder / self._shards[shard].file
            try:
                mapped = np.memmap(path, dtype=self._type, mode="r", shape=(self._shards[shard].tokens,))
            except (OSError, ValueError) as error:  # ValueError: shorter than it was when it was opened
                raise InputError(f"cannot be read: {error}", file=path, allowed=WHAT_TO_DO) from None
            self._mapped[shard] = np.asarray(mapped)  # a plain array: slices of a memmap cost ten times as much
        return self._mapped[shard]

    def _refuse(self, starts: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        row, column = (int(place[0]) for place in np.nonzero(rows >= self._vocabulary))
        position = int(starts[row]) + column
        shard = int(np.searchsorted(self._ends, position, side="right"))
        within = position - (int(self._ends[shard]) - self._shards[shard].tokens)
        raise InputError(
            f"the shard is corrupt: token {within:,} is not below the vocabulary of {self._vocabulary:,}",
            file=self._folder / self._shards[shard].file,
            value=int(rows[row, column]),
            allowed=WHAT_TO_DO,
        )


def _check_size(folder: Path, shard: Shard, width: int) -> None:
    path = folder / shard.file
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"the shard cannot be read: {error.strerror}", file=path, allowed=WHAT_TO_DO) from None
    if size != shard.tokens * width:
        raise InputError(
            f"the shard is corrupt: {size:,} bytes instead of {shard.tokens * width:,}", file=path, allowed=WHAT_TO_DO
        )


def _hash_of_tokenizer(folder: Path) -> str:
    try:
        return hash_file(folder / TOKENIZER)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=folder / TOKENIZER) from None
