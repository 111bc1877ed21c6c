"""Writing tokens into files of at most a number of tokens."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.manifest import Shard
from stellwerk.files import whole_file


class ShardWriter:
    """Appends tokens to shards ``PREFIX-00.bin``, ``PREFIX-01.bin``, …; a shard is in its place only when it is whole
    and on the disk. To be used as a context; what is not whole when an error leaves it vanishes."""

    def __init__(self, prefix: Path, token_type: np.dtype[Any], shard_tokens: int) -> None:
        self.shards: list[Shard] = []
        self._prefix = prefix
        self._token_type = token_type
        self._shard_tokens = shard_tokens
        self._stack = contextlib.ExitStack()
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self._tokens = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self._end()
        else:
            self._stack.__exit__(*error)

    def append(self, tokens: NDArray[np.integer]) -> None:
        while len(tokens):
            if self._file is None:
                self._file = self._stack.enter_context(whole_file(self._path, durable=True))
            room = self._shard_tokens - self._tokens
            content = tokens[:room].astype(self._token_type).tobytes()
            self._file.write(content)
            self._digest.update(content)
            self._tokens += min(room, len(tokens))
            tokens = tokens[room:]
            if self._tokens == self._shard_tokens:
                self._end()

    @property
    def _path(self) -> Path:
        return self._prefix.with_name(f"{self._prefix.name}-{len(self.shards):02d}.bin")

    def _end(self) -> None:
        if self._file is None:
            return
        path = self._path
        self._stack.close()
        self.shards.append(Shard(path.name, self._tokens, self._digest.hexdigest()))
        self._file, self._tokens, self._digest = None, 0, hashlib.sha256()
