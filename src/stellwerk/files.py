"""Reading a file that a person hands in, and writing one whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from stellwerk.errors import InputError, MissingExtraError


def read_bytes(path: Path, *, limit_bytes: int) -> bytes:
    """The content of an ordinary file of at most ``limit_bytes``; anything else is an InputError.

    A file above the limit is refused by its size, before it is read.
    """
    try:
        about = path.stat()
    except FileNotFoundError:
        raise InputError("the file does not exist", file=path) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise InputError(f"the file cannot be read: {_reason(error)}", file=path) from None
    if stat.S_ISDIR(about.st_mode):
        raise InputError("this is a directory, not a file", file=path)
    if not stat.S_ISREG(about.st_mode):
        raise InputError("this is not an ordinary file", file=path)
    if about.st_size > limit_bytes:
        raise InputError(
            f"the file has {about.st_size:,} bytes, too many to be meant", file=path, allowed=f"at most {limit_bytes:,}"
        )
    try:
        with path.open("rb") as file:
            return file.read(limit_bytes)
    except OSError as error:
        raise InputError(f"the file cannot be read: {_reason(error)}", file=path) from None


def read_text(path: Path, *, limit_bytes: int) -> str:
    """The UTF-8 text of a file; raises InputError as ``read_bytes`` does, and for other bytes with their line."""
    return decode_utf8(read_bytes(path, limit_bytes=limit_bytes), path)


def read_toml(path: Path, *, limit_bytes: int) -> dict[str, Any]:
    """What stands in a TOML file; raises InputError as ``read_text`` does, and with the line for a syntax error."""
    return parse_toml(read_text(path, limit_bytes=limit_bytes), path)


def decode_utf8(content: bytes, path: Path) -> str:
    """The text of ``content``, read from ``path``, without a byte order mark."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"line {line} is not UTF-8: byte 0x{content[error.start]:02x}", file=path, allowed="text in UTF-8"
        ) from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """The values in ``text``, read from ``path``."""
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also for an integer of more digits than Python reads, which is no TOMLDecodeError
        raise InputError(f"not valid TOML: {error}", file=path) from None
    except RecursionError:
        raise InputError("not valid TOML: values are nested too deeply", file=path) from None


def write_whole(path: Path, content: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Write a file so that nobody ever sees a part of it; missing folders are made.

    Raises InputError where it cannot be written, or where something else than a file is there.
    """
    with whole_file(path, mode=mode, durable=durable) as file:
        file.write(content)


@contextlib.contextmanager
def whole_file(path: Path, *, mode: int = 0o644, durable: bool = False) -> Iterator[BinaryIO]:
    """A stream to write bytes to; they take the place of ``path`` when all are written, and vanish otherwise.

    Missing folders are made. What is ``durable`` is on the disk before it takes the place, so that a machine that loses
    its power has it whole or not at all. Raises InputError as ``write_whole`` does, for what is done inside as well.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError("cannot be written: something else than a file is there", file=path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"cannot be written: {_reason(error)}", file=path) from None
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.chmod(mode)
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot be written: {_reason(error)}", file=path) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def load_polars() -> Any:
    """polars, of the extra ``[sim]``; raises MissingExtraError where it is not installed."""
    try:
        import polars  # whoever reads no table of columns needs none
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading sacct, CSV and Parquet", "sim") from error
    return polars


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
