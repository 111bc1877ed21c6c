"""The bytes of an input, plain, gzip or zstd: told apart by how they begin, not by the name."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from stellwerk.errors import InputError, MissingExtraError

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAGIC_BYTES = 4
_BUFFER_BYTES = 2**20
_COMPRESSED_BLOCK_BYTES = 2**16


def is_compressed(path: Path) -> bool:
    """Whether the file begins as gzip or zstd does."""
    with _reading(path), path.open("rb") as file:
        return file.read(_MAGIC_BYTES).startswith((_GZIP_MAGIC, _ZSTD_MAGIC))


@contextlib.contextmanager
def content_of(path: Path) -> Iterator[BinaryIO]:
    """A buffered stream of the file's bytes after decompression.

    Raises InputError for a file that cannot be read and for a compressed one that is broken or ends early, and
    MissingExtraError for zstd without its package.
    """
    with _reading(path), contextlib.ExitStack() as opened:
        file = opened.enter_context(io.BufferedReader(path.open("rb", buffering=0), _BUFFER_BYTES))
        magic = file.peek(_MAGIC_BYTES)[:_MAGIC_BYTES]
        if magic.startswith(_GZIP_MAGIC):
            yield opened.enter_context(gzip.open(file))  # type: ignore[misc]  # a GzipFile reads as a BinaryIO does
        elif magic == _ZSTD_MAGIC:
            yield opened.enter_context(_zstd_stream(file, path))
        else:
            yield file


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise InputError("the gzip ends early", file=path) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"broken gzip: {error}", file=path) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path) from error


@contextlib.contextmanager
def _zstd_stream(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    try:
        import zstandard  # only who reads zstd needs it
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading zstd", "train") from error
    try:
        yield io.BufferedReader(_ZstdFrames(file, zstandard.ZstdDecompressor().decompressobj), _BUFFER_BYTES)
    except zstandard.ZstdError as error:
        raise InputError(f"broken zstd: {error}", file=path) from error
    except _EndsEarly:
        raise InputError("the zstd ends early", file=path) from None


class _EndsEarly(Exception):
    """A last frame is not whole."""


class _ZstdFrames(io.RawIOBase):
    """One frame after the other; the package's own stream takes a file that was cut off for a whole one."""

    def __init__(self, file: BinaryIO, new_frame: Callable[[], Any]) -> None:
        self._file = file
        self._new_frame = new_frame
        self._frame: Any = None
        self._compressed = b""
        self._text = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._text:
            if not self._compressed:
                self._compressed = self._file.read(_COMPRESSED_BLOCK_BYTES)
            if not self._compressed:
                if self._frame is not None:
                    raise _EndsEarly
                return 0
            self._frame = self._frame or self._new_frame()
            self._text = self._frame.decompress(self._compressed)
            self._compressed = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        taken = min(len(buffer), len(self._text))
        buffer[:taken] = self._text[:taken]
        self._text = self._text[taken:]
        return taken
