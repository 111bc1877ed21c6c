"""Reading a whole prepared dataset again to see that it is what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from stellwerk.dataset.manifest import INPUTS, Manifest, Shard
from stellwerk.dataset.prepared import WHAT_TO_DO, check_shard, open_dataset
from stellwerk.errors import InputError, InputErrors

_BLOCK_TOKENS = 2**22


def check_dataset(folder: Path, progress: Callable[[int, int], None] = lambda *_: None) -> Manifest:
    """Hashes every shard, and looks for tokens that the tokenizer does not have; gives the manifest where all is well.

    ``progress`` is told the shards that are done and those that there are. Raises InputErrors with every shard that is
    broken, and InputError where the dataset cannot be opened at all.
    """
    manifest = open_dataset(folder).manifest
    shards = (*manifest.training.shards, *manifest.held_out.shards)
    errors: list[InputError] = []
    for done, shard in enumerate(shards):
        progress(done, len(shards))
        try:
            check_shard(folder, shard)
            _check_tokens(folder, shard, manifest)
        except InputError as error:
            errors.append(error)
    progress(len(shards), len(shards))
    inputs = folder / INPUTS
    if not inputs.is_file() or hashlib.sha256(inputs.read_bytes()).hexdigest() != manifest.inputs_sha256:
        errors.append(InputError("is not the list of inputs that was written with the shards", file=inputs))
    if errors:
        raise InputErrors(errors)
    return manifest


def _check_tokens(folder: Path, shard: Shard, manifest: Manifest) -> None:
    tokens = np.memmap(folder / shard.file, dtype=np.dtype(manifest.token_type).newbyteorder("<"), mode="r")
    for first in range(0, len(tokens), _BLOCK_TOKENS):
        outside = np.flatnonzero(tokens[first : first + _BLOCK_TOKENS] >= manifest.vocabulary)
        if len(outside):
            at = first + int(outside[0])
            raise InputError(
                f"token {at:,} is not below the vocabulary of {manifest.vocabulary:,}",
                file=folder / shard.file,
                value=int(tokens[at]),
                allowed=WHAT_TO_DO,
            )
