"""Whole numbers in rows of text, plain or gzip, read block by block into arrays.

Job logs and schedules are such files. They are long, so nothing here works on single numbers unless one is at
fault, and they come from strangers, so nothing is read at once that has not been bounded first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.byte_blocks import byte_blocks

MAX_TEXT_BYTES = 16 * 2**30
"""Largest text, after decompression: some 50 million jobs."""
MAX_LINE_BYTES = 64 * 2**10
MAX_NUMBER = 10**11
"""Largest value: 3,000 years in seconds. Sums over a whole file then stay far inside int64."""

_BLOCK_BYTES = 2**21
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How rows are written: all fields of a row in order, those to read, what separates them (None: blanks)
    and how a line starts that is a comment."""

    fields: tuple[str, ...]
    wanted: tuple[str, ...]
    separator: str | None
    comment: str


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The wanted fields as int64, shape (rows, wanted), each row's line in the file, and the comment lines."""

    values: NDArray[np.int64]
    line: NDArray[np.int64]
    comments: tuple[str, ...]


def read_rows(path: Path, row_format: RowFormat) -> Rows:
    """All rows of a file at once, as ``row_blocks`` reads them."""
    blocks = list(row_blocks(path, row_format))
    return Rows(
        np.concatenate([np.empty((0, len(row_format.wanted)), np.int64), *(block.values for block in blocks)]),
        np.concatenate([np.empty(0, np.int64), *(block.line for block in blocks)]),
        tuple(comment for block in blocks for comment in block.comments),
    )


def row_blocks(path: Path, row_format: RowFormat) -> Iterator[Rows]:
    """The rows of a file, some at a time. Numbers are whole and at most ``MAX_NUMBER`` in magnitude; empty lines are
    skipped.

    Raises InputError with the file for one that is missing, no regular file, larger than ``MAX_TEXT_BYTES`` or a
    gzip that is broken or ends early; with the line, too, for text that is not UTF-8, a line longer than
    ``MAX_LINE_BYTES``, a row with another number of fields and a wanted field that is no such number.
    """
    for first_line, lines in _line_blocks(path):
        rows: list[str] = []
        numbers: list[int] = []
        comments: list[str] = []
        for number, line in enumerate(lines, first_line):
            text = line.strip()
            if text.startswith(row_format.comment):
                comments.append(text)
            elif text:
                rows.append(text)
                numbers.append(number)
        yield Rows(_numbers(path, rows, numbers, row_format), np.array(numbers, np.int64), tuple(comments))


def _line_blocks(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Blocks of whole lines, each with the number of its first line."""
    line = 1
    rest = b""
    for block in byte_blocks(path, _BLOCK_BYTES, MAX_TEXT_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        yield line, _decoded(path, line, whole, rest)
        line += len(whole)
    yield line, _decoded(path, line, [rest], b"")


def _decoded(path: Path, first_line: int, lines: list[bytes], rest: bytes) -> list[str]:
    """The lines as text; ``rest`` is the beginning of the next, read so far."""
    for number, line in enumerate((*lines, rest), first_line):
        if len(line) > MAX_LINE_BYTES:
            raise _refusal(path, number, f"line longer than {MAX_LINE_BYTES >> 10} KiB")
    try:
        # A carriage return is a blank, wherever it stands.
        return b"\n".join(lines).replace(b"\r", b" ").decode().split("\n")
    except UnicodeDecodeError as error:
        raise _refusal(path, first_line + error.object.count(b"\n", 0, error.start), "not UTF-8 text") from error


def _numbers(path: Path, rows: list[str], lines: Sequence[int], row_format: RowFormat) -> NDArray[np.int64]:
    """The wanted fields of rows of text; the first row at fault is named."""
    fields = len(row_format.fields)
    for line, row in zip(lines, rows, strict=True):
        found = len(row.split(row_format.separator))
        if found != fields:
            raise _refusal(path, line, f"{found} fields instead of {fields}", row)
    try:
        values = _parsed(rows, row_format)
    except ValueError:
        _name_the_field(path, rows, lines, row_format)
    too_large = np.argwhere(np.abs(values) > MAX_NUMBER)
    if len(too_large):
        row, column = too_large[0]
        problem = f"{row_format.wanted[column]} is larger than {MAX_NUMBER:,} in magnitude"
        raise _refusal(path, lines[row], problem, int(values[row, column]))
    return values


def _parsed(rows: list[str], row_format: RowFormat) -> NDArray[np.int64]:
    columns = [row_format.fields.index(name) for name in row_format.wanted]
    if not rows:
        return np.empty((0, len(columns)), np.int64)
    return np.loadtxt(rows, dtype=np.int64, comments=None, delimiter=row_format.separator, usecols=columns, ndmin=2)


def _name_the_field(path: Path, rows: list[str], lines: Sequence[int], row_format: RowFormat) -> NoReturn:
    for line, row in zip(lines, rows, strict=True):
        for name, field in zip(row_format.fields, row.split(row_format.separator), strict=True):
            if name in row_format.wanted and not _WHOLE_NUMBER.fullmatch(field):
                raise _refusal(path, line, f"{name} is not a whole number", field)
    raise _refusal(path, lines[0], "a character that belongs in no number, in this line or one of the next")


def _refusal(path: Path, line: int, problem: str, value: object = None) -> InputError:
    return InputError(problem, file=path, key=f"line {line}", value=value)
