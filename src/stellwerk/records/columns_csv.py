"""CSV in blocks of whole rows, each field as text.

A row is checked before it is split: quotes stand only around whole fields, and every row has as many fields as the
first. Nothing larger than a block is held.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.files import load_polars
from stellwerk.records.byte_blocks import byte_blocks
from stellwerk.records.model import Int64s

if TYPE_CHECKING:
    import polars

_BLOCK_BYTES = 16 * 2**20
_MAX_TEXT_BYTES = 64 * 2**30
_MAX_ROW_BYTES = 2**20
_LF = b"\n"
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a data file: the columns wanted, and the line of each row."""

    columns: polars.DataFrame
    line: Int64s


def csv_batches(path: Path, separator: str, wanted: Sequence[str]) -> Iterator[Batch]:
    """The wanted columns, block by block; the first row names the columns.

    Raises InputError with the file, and with the line where there is one, for a column that is not there or there
    twice, text that is not UTF-8, a row with another number of fields, a quote inside a field, a row longer than
    ``_MAX_ROW_BYTES`` and a broken gzip.
    """
    pl = load_polars()
    names: list[str] | None = None
    for first_line, block in _blocks(path):
        rows = _Rows(path, first_line, block, ord(separator))
        if not len(rows):
            continue
        fields = rows.split()
        if names is None:
            names = [str(name or "").strip() for name in fields.row(0)]
            refuse_absent(path, names, wanted)
            fields, lines = fields[1:], rows.lines[1:]
        else:
            lines = rows.lines
            if fields.width != len(names):
                rows.refuse_width(0, len(names))
        chosen = {name: fields.to_series(names.index(name)).rename(name) for name in wanted}
        yield Batch(pl.DataFrame(chosen), lines)
    if names is None:
        raise InputError("holds no row, not even the names of the columns", file=path)


def refuse_absent(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises InputError for a wanted column that the data of ``path`` lack, or have twice."""
    for name in wanted:
        if name not in names:
            raise InputError("the data have no such column", file=path, key=name, allowed=list(names))
        if list(names).count(name) > 1:
            raise InputError("the data have two columns of this name", file=path, key=name)


class _Rows:
    """The rows of a block: where each begins and ends, and the line it begins in."""

    def __init__(self, path: Path, first_line: int, block: bytes, separator: int) -> None:
        self.path, self.separator = path, separator
        text = np.frombuffer(block, np.uint8)
        quotes = np.flatnonzero(text == _QUOTE)
        newlines = np.flatnonzero(text == _NEWLINE)
        separators = np.flatnonzero(text == separator)
        if len(quotes):
            self._refuse_quotes(text, quotes, newlines, separator, first_line)
            row_ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
            separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
        else:
            row_ends = newlines
        begins = np.concatenate([[0], row_ends[:-1] + 1]).astype(np.int64)[: len(row_ends)]
        lengths = row_ends - begins
        empty = (lengths == 0) | ((lengths == 1) & (text[np.minimum(begins, len(text) - 1)] == _RETURN))
        fields = np.diff(np.searchsorted(separators, np.concatenate([begins[:1], row_ends]))) + 1
        self.lines = (first_line + np.searchsorted(newlines, begins))[~empty]
        self.fields = fields[~empty]
        self.block = block
        if empty.any():
            self.block = b"".join(
                block[begin : end + 1] for begin, end in zip(begins[~empty], row_ends[~empty], strict=True)
            )
        if len(self.fields):
            other = np.flatnonzero(self.fields != self.fields[0])
            if len(other):
                self.refuse_width(int(other[0]), int(self.fields[0]))

    def __len__(self) -> int:
        return len(self.lines)

    def split(self) -> polars.DataFrame:
        """The fields, all as text; nothing where a field is empty."""
        fields: polars.DataFrame = load_polars().read_csv(
            io.BytesIO(self.block),
            has_header=False,
            separator=chr(self.separator),
            infer_schema=False,
            glob=False,
        )
        if fields.shape != (len(self), self.fields[0]):
            raise InputError("the quotes do not fit the rows", file=self.path, key=f"line {self.lines[0]} and after")
        return fields

    def refuse_width(self, row: int, expected: int) -> NoReturn:
        raise InputError(
            f"{self.fields[row]} fields instead of {expected}", file=self.path, key=f"line {self.lines[row]}"
        )

    def _refuse_quotes(
        self,
        text: NDArray[np.uint8],
        quotes: NDArray[np.int64],
        newlines: NDArray[np.int64],
        separator: int,
        first_line: int,
    ) -> None:
        """Raises InputError for a quote that neither begins nor ends a field, nor stands doubled inside one."""
        opening, closing = quotes[0::2], quotes[1::2]
        before = text[np.maximum(opening - 1, 0)]
        after = text[np.minimum(closing + 1, len(text) - 1)]
        well_opened = (opening == 0) | np.isin(before, [separator, _NEWLINE, _QUOTE])
        well_closed = np.isin(after, [separator, _NEWLINE, _RETURN, _QUOTE])
        wrong = np.concatenate([opening[~well_opened], closing[~well_closed]])
        if len(wrong):
            line = first_line + int(np.searchsorted(newlines, wrong.min()))
            raise InputError("a quote inside a field that is not quoted as a whole", file=self.path, key=f"line {line}")


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Blocks of whole rows, each ending in a newline, with the number of its first line."""
    line = 1
    rest = b""
    for block in byte_blocks(path, _BLOCK_BYTES, _MAX_TEXT_BYTES):
        rest += block
        end = _end_of_rows(rest)
        if len(rest) - end > _MAX_ROW_BYTES:
            problem = f"a row longer than {_MAX_ROW_BYTES >> 10} KiB, or a quote without its second"
            raise InputError(problem, file=path, key=f"line {line + rest.count(_LF, 0, end)}")
        if end:
            yield line, _checked(path, line, rest[:end])
            line += rest.count(_LF, 0, end)
            rest = rest[end:]
    if rest:
        if rest.count(b'"') % 2:
            raise InputError("a quote without its second", file=path, key=f"line {line} or after")
        yield line, _checked(path, line, rest + _LF)


def _end_of_rows(text: bytes) -> int:
    """Where the last whole row ends: after the last newline with an even number of quotes before it."""
    end = text.rfind(_LF) + 1
    quotes = text.count(b'"', 0, end)
    while end and quotes % 2:
        before = text.rfind(_LF, 0, end - 1) + 1
        quotes -= text.count(b'"', before, end)
        end = before
    return end


def _checked(path: Path, first_line: int, block: bytes) -> bytes:
    """The block without a byte order mark; raises InputError for text that is not UTF-8, or has a null byte."""
    if first_line == 1:
        block = block.removeprefix(b"\xef\xbb\xbf")
    try:
        block.decode()
    except UnicodeDecodeError as error:
        line = first_line + block.count(_LF, 0, error.start)
        raise InputError("not UTF-8 text", file=path, key=f"line {line}") from None
    return block
