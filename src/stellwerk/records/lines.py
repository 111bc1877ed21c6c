"""Whole lines of a text file, plain or gzip, block by block.

Logs are long and come from strangers: nothing is read at once that has not been bounded first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.byte_blocks import byte_blocks
from stellwerk.records.rows import MAX_TEXT_BYTES

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NEWLINE = 10


@dataclass(frozen=True, slots=True, eq=False)
class LineBlock:
    """Some lines that follow each other.

    ``ends`` are the places of their newlines in ``data``; where the file ends without one, ``data`` has been given it
    and ``is_cut`` holds.
    """

    data: bytes
    ends: NDArray[np.int64]
    first_line: int
    is_cut: bool

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each line begins in ``data``."""
        return np.concatenate([[0], self.ends[:-1] + 1])

    def line(self, row: int) -> bytes:
        """The text of one line, without its newline."""
        return self.data[0 if row == 0 else self.ends[row - 1] + 1 : self.ends[row]]


def line_blocks(path: Path, *, block_bytes: int, max_line_bytes: int) -> Iterator[LineBlock]:
    """The lines of a file in blocks of about ``block_bytes``, carriage returns made blanks or dropped at line ends.

    Raises InputError as ``byte_blocks`` does, and, with the line, for one longer than ``max_line_bytes``.
    """
    line = 1
    rest = b""
    is_first = True
    for read in byte_blocks(path, block_bytes, MAX_TEXT_BYTES):
        data = rest + (read.removeprefix(_BYTE_ORDER_MARK) if is_first else read)
        is_first = False
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if end:
            block = _block(path, data[:end], line, max_line_bytes)
            line += len(block.ends)
            yield block
        if len(rest) > max_line_bytes:
            raise _too_long(path, line, max_line_bytes)
    if rest:
        yield _block(path, rest + b"\n", line, max_line_bytes, is_cut=True)


def _block(path: Path, data: bytes, first_line: int, max_line_bytes: int, is_cut: bool = False) -> LineBlock:
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
    lengths = np.diff(ends, prepend=-1) - 1
    if lengths.max() > max_line_bytes:
        raise _too_long(path, first_line + int(np.argmax(lengths > max_line_bytes)), max_line_bytes)
    return LineBlock(data, ends, first_line, is_cut)


def _too_long(path: Path, line: int, max_line_bytes: int) -> InputError:
    return InputError(f"line longer than {max_line_bytes >> 10} KiB", file=path, key=f"line {line}")
