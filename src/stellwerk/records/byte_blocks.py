"""A file's bytes, block by block, plain or gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stellwerk.errors import InputError

_GZIP_MAGIC = b"\x1f\x8b"


def byte_blocks(path: Path, block_bytes: int, max_bytes: int) -> Iterator[bytes]:
    """The content in blocks of at most ``block_bytes``.

    Raises InputError for a file that is missing, no regular one or, after decompression, larger than ``max_bytes``, and
    for a gzip that is broken or ends early.
    """
    size_bytes = 0
    try:
        with _opened(path, max_bytes) as stream:
            while block := stream.read(block_bytes):
                size_bytes += len(block)
                if size_bytes > max_bytes:
                    raise _too_large(path, max_bytes)
                yield block
    except EOFError as error:
        raise InputError("the gzip ends early", file=path) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"broken gzip: {error}", file=path) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from error


def _opened(path: Path, max_bytes: int) -> BinaryIO | gzip.GzipFile:
    if path.stat().st_size > max_bytes:
        raise _too_large(path, max_bytes)
    if not path.is_file():
        raise InputError("not a regular file", file=path)
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return gzip.open(path) if is_gzip else path.open("rb")


def _too_large(path: Path, max_bytes: int) -> InputError:
    return InputError(f"larger than {max_bytes >> 20} MiB", file=path)
