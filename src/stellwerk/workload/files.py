"""Reading the text of a file that a person hands in."""

from __future__ import annotations

import stat
from pathlib import Path

from stellwerk.errors import InputError


def read_text(path: Path, *, limit_bytes: int) -> str:
    """The UTF-8 text of a regular file of at most ``limit_bytes``; anything else is an InputError.

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
            content = file.read(limit_bytes)
    except OSError as error:
        raise InputError(f"the file cannot be read: {_reason(error)}", file=path) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"line {line} is not UTF-8: byte 0x{content[error.start]:02x}", file=path, allowed="text in UTF-8"
        ) from None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
