"""``stellwerk match --register-need``: appends what was asked to a file, if the person wants it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import click

from stellwerk.broker import Match, is_need_line, need_record
from stellwerk.errors import InputError
from stellwerk.messages import Language, text

FIRST_LINE_BYTES = 100_000


def register_need(path: Path, answer: Match, language: Language) -> None:
    """Appends one line for ``answer`` to ``path``, in one write, and says so on standard error.

    A new file can be read by its owner only. Raises InputError for a file that is no file of needs, unchanged.
    """
    line = json.dumps(need_record(answer), ensure_ascii=False).encode() + b"\n"
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _check_is_ours(handle, path)
            written = os.write(handle, line)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise InputError(f"cannot be written: {getattr(error, 'strerror', None) or error}", file=path) from None
    if written != len(line):
        raise InputError("only a part of the last line could be written; is the disk full?", file=path)
    click.echo(text("needs.registered", language, file=str(path)), err=True)


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
