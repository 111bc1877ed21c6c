"""``stellwerk match --register-need``: appends what was asked to a file, if the person wants it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from stellwerk.broker import Match, is_need_line, need_record
from stellwerk.errors import InputError
from stellwerk.messages import Language, text

FIRST_LINE_BYTES = 100_000


def refuse_if_unwritable(path: Path) -> None:
    """Raises InputError where ``register_need`` would; makes no file."""
    with _mistakes_of(path):
        if path.exists():
            os.close(_opened(path, 0))
            return
    folder = Path(os.path.realpath(path)).parent
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise InputError("cannot be written: its folder is missing or closed to you", file=path)


def register_need(path: Path, answer: Match, language: Language) -> None:
    """Appends one line for ``answer`` to ``path``, in one write, and says so on standard error.

    A new file can be read by its owner only. Raises InputError for a file that is no file of needs or cannot hold the
    whole line, unchanged.
    """
    line = json.dumps(need_record(answer), ensure_ascii=False).encode() + b"\n"
    with _mistakes_of(path):
        handle = _opened(path, os.O_CREAT)
        try:
            _append_whole(handle, line, path)
        finally:
            os.close(handle)
    click.echo(text("needs.registered", language, file=str(path)), err=True)


@contextmanager
def _mistakes_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise InputError(f"cannot be written: {getattr(error, 'strerror', None) or error}", file=path) from None


def _opened(path: Path, flags: int) -> int:
    handle = os.open(path, os.O_RDWR | os.O_APPEND | flags, 0o600)
    try:
        _check_is_ours(handle, path)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _append_whole(handle: int, line: bytes, path: Path) -> None:
    size_bytes = os.fstat(handle).st_size
    written = os.write(handle, line)
    if written == len(line):
        return
    if os.fstat(handle).st_size == size_bytes + written:  # nobody has written since
        os.ftruncate(handle, size_bytes)
    raise InputError("the line does not fit, and nothing was written; is the disk full?", file=path)


def _check_is_ours(handle: int, path: Path) -> None:
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        raise InputError("this is not an ordinary file", file=path)
    if about.st_size == 0:
        return
    first = os.pread(handle, FIRST_LINE_BYTES, 0).split(b"\n", 1)[0]
    if not is_need_line(first) or os.pread(handle, 1, about.st_size - 1) != b"\n":
        problem = "is no file of needs, or its last line is not whole; nothing was written"
        raise InputError(problem, file=path, allowed="a new file, or one that --register-need wrote")
