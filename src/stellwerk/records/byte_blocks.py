"""A file's bytes, block by block, plain or gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stellwerk.errors import InputError

MAX_BYTES = 64 * 2**30
"""Largest content, after decompression."""
_GZIP_MAGIC = b"\x1f\x8b"


def byte_blocks(path: Path, block_bytes: int) -> Iterator[bytes]:
    """The content in blocks of at most ``block_bytes``.

    Raises InputError for a file that is missing, no regular one or larger than ``MAX_BYTES``, and for a gzip that is
    broken or ends early.
    """
    size_bytes = 0
    try:
        with _opened(path) as stream:
            while block := stream.read(block_bytes):
                size_bytes += len(block)
                if size_bytes > MAX_BYTES:
                    raise InputError(f"larger than {MAX_BYTES >> 30} GiB", file=path)
                yield block
    except EOFError as error:
        raise InputError("the gzip ends early", file=path) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"broken gzip: {error}", file=path) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from error


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    if path.exists() and not path.is_file():
        raise InputError("not a regular file", file=path)
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return gzip.open(path) if is_gzip else path.open("rb")
