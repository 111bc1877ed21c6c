"""The lines of a ``sacct`` dump as columns of text, block by block."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stellwerk.errors import InputError
from stellwerk.files import load_polars
from stellwerk.records.builder import FoundLines
from stellwerk.records.lines import LineBlock, line_blocks
from stellwerk.records.model import Int64s

if TYPE_CHECKING:
    import polars

SEPARATOR = "|"
OPEN_XDMOD_FIELDS = (
    *("jobid", "jobidraw", "cluster", "partition", "qos", "account", "group", "gid", "user", "uid"),
    *("submit", "eligible", "start", "end", "elapsed", "exitcode", "state", "nnodes", "ncpus", "reqcpus", "reqmem"),
    *("reqtres", "alloctres", "timelimit", "nodelist", "jobname"),
)
"""What Open XDMoD tells centres to dump, without a title line."""

_BLOCK_BYTES = 2**24
_MAX_LINE_BYTES = 2**20
"""Node lists of large jobs, and command lines, are long."""
_SEPARATOR = SEPARATOR.encode()
_FIRST_NOT_ASCII = 128
_FREE_TEXTS = frozenset(
    ("jobname", "comment", "admincomment", "systemcomment", "constraints", "container", "extra", "submitline")
) | frozenset(("workdir", "wckey", "stdin", "stdout", "stderr"))
"""What people write, and may thus hold the separator."""
_KNOWN_FIELD = re.compile(r"[A-Za-z]+(?:%-?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class SacctBlock:
    """Some lines of a dump: one column of text per field, its name in lower case, and each row's line from 1."""

    frame: polars.DataFrame
    line: Int64s


@dataclass(frozen=True, slots=True)
class _Columns:
    """The fields of each line, and the title line as it stands, where there is one."""

    names: tuple[str, ...]
    title: bytes | None
    trailing: bool
    """Whether lines end in a separator (``sacct --parsable``)."""

    @property
    def separators(self) -> int:
        return len(self.names) - 1 + self.trailing

    @property
    def free_text(self) -> int | None:
        """The place of the one field that may hold the separator; None where there is none, or several."""
        places = [place for place, name in enumerate(self.names) if name in _FREE_TEXTS]
        return places[0] if len(places) == 1 else None


def sacct_blocks(
    path: Path, fields: Sequence[str] | None, wanted: frozenset[str], found: FoundLines
) -> Iterator[SacctBlock]:
    """The ``wanted`` columns of the lines with all their fields; those without are counted in ``found``.

    A separator too many stands in a text that people write: where only one field is such a text, it is told apart.
    A last line that breaks off is dropped. Bytes that are not UTF-8 are read as Latin-1.

    Raises InputError for a file that cannot be read and where no title line, ``fields`` or shape says what the columns
    are.
    """
    columns: _Columns | None = None
    for block in line_blocks(path, block_bytes=_BLOCK_BYTES, max_line_bytes=_MAX_LINE_BYTES):
        filled = np.flatnonzero(np.diff(block.ends, prepend=-1) > 1)
        if len(filled) and columns is None:
            columns = _columns(path, block.line(int(filled[0])), fields)
        if len(filled) and columns is not None:
            yield _split(block, filled, columns, wanted, found)


def is_sacct(first_line: str) -> bool:
    """Whether the first line of a file looks like one of sacct's: a title, or the fields that Open XDMoD asks for."""
    return _is_title(first_line) or first_line.count(SEPARATOR) >= len(OPEN_XDMOD_FIELDS) - 1


def _is_title(line: str) -> bool:
    words = [word.strip().lower() for word in line.strip(SEPARATOR).split(SEPARATOR)]
    return len(words) > 1 and all(map(_KNOWN_FIELD.fullmatch, words)) and not {"jobid", "jobidraw"}.isdisjoint(words)


def _columns(path: Path, first: bytes, fields: Sequence[str] | None) -> _Columns:
    line = first.decode(errors="replace").strip()
    if _is_title(line):
        trailing = line.endswith(SEPARATOR)
        return _Columns(_named(line.removesuffix(SEPARATOR).split(SEPARATOR), path), first, trailing)
    names = _named(fields, path) if fields is not None else _recognised(line, path)
    trailing = line.endswith(SEPARATOR) and line.count(SEPARATOR) == len(names)
    return _Columns(names, None, trailing)


def _named(fields: Sequence[str], path: Path) -> tuple[str, ...]:
    names = [field.strip().lower().partition("%")[0] for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise InputError("stands twice", file=path, key="fields", value=name)
    return tuple(names)


def _recognised(line: str, path: Path) -> tuple[str, ...]:
    values = line.split(SEPARATOR)
    if len(values) >= len(OPEN_XDMOD_FIELDS):
        submit = values[OPEN_XDMOD_FIELDS.index("submit")]
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}|[0-9]{9,11}", submit):
            return OPEN_XDMOD_FIELDS
    raise InputError(
        "has no title line: say which fields were dumped",
        file=path,
        key="fields",
        value=f"{len(values)} columns",
        allowed="--fields with the names given to sacct --format, such as JobIDRaw,Submit,Start,Elapsed,…",
    )


def _split(
    block: LineBlock, filled: Int64s, columns: _Columns, wanted: frozenset[str], found: FoundLines
) -> SacctBlock:
    pl = load_polars()
    places = np.flatnonzero(np.frombuffer(block.data, np.uint8) == ord(SEPARATOR))
    separators = np.diff(np.searchsorted(places, block.ends), prepend=0)
    special = _special_rows(block, separators, columns)
    data, rows = (block.data, filled) if not len(special) else _mended(block, special, separators, columns, found)
    read = {name: place for place, name in enumerate(columns.names) if name in wanted}
    if not len(rows):
        return SacctBlock(pl.DataFrame({name: [""] for name in read}).clear(), np.empty(0, np.int64))
    table = pl.read_csv(
        io.BytesIO(data), has_header=False, separator=SEPARATOR, quote_char=None, infer_schema=False, glob=False
    )
    # By place: versions of polars number nameless columns from 0 or from 1.
    series = [table.to_series(place).fill_null("").alias(name) for name, place in read.items()]
    return SacctBlock(pl.DataFrame(series), block.first_line + rows)


def _special_rows(block: LineBlock, separators: Int64s, columns: _Columns) -> Int64s:
    """Rows that are no line with all its fields in UTF-8: most blocks have none."""
    special = separators != columns.separators
    if columns.title is not None and columns.title in block.data:
        special |= np.diff(block.ends, prepend=-1) - 1 == len(columns.title)
    if not _is_utf8(block.data):
        special[
            np.searchsorted(block.ends, np.flatnonzero(np.frombuffer(block.data, np.uint8) >= _FIRST_NOT_ASCII))
        ] = True
    return np.flatnonzero(special)


def _mended(
    block: LineBlock, special: Int64s, separators: Int64s, columns: _Columns, found: FoundLines
) -> tuple[bytes, Int64s]:
    """The lines that have all fields, or can be given them, and which they are; the others are dropped."""
    kept = np.ones(len(block.ends), np.bool_)
    starts = block.starts
    pieces: list[bytes] = []
    done = 0
    broken, more, latin_1 = [], [], []
    for row in special.tolist():
        text, count = block.line(row), int(separators[row])
        pieces.append(block.data[done : starts[row]])
        done = block.ends[row] + 1
        if count > columns.separators and columns.free_text is not None:
            more.append(row)
            text = _without_free_text(text, columns)
        elif count != columns.separators or text == columns.title:
            kept[row] = False
            if count < columns.separators and block.is_cut and row == len(block.ends) - 1:
                found.drop("truncated_line", np.array([block.first_line + row]))
            elif text.strip() and text != columns.title:
                broken.append(row)
            continue
        if not _is_utf8(text):
            latin_1.append(row)
            text = text.decode("latin-1").encode()
        pieces += (text, b"\n")
    pieces.append(block.data[done:])
    found.drop("broken_line", block.first_line + np.array(broken, np.int64))
    found.remark("name_with_separator", block.first_line + np.array(more, np.int64))
    found.remark("not_utf8", block.first_line + np.array(latin_1, np.int64))
    return b"".join(pieces), np.flatnonzero(kept)


def _without_free_text(text: bytes, columns: _Columns) -> bytes:
    """The line without the text that people write: the separators of all other fields are their own."""
    place = columns.free_text or 0
    parts = text.split(_SEPARATOR)
    after = columns.separators - place
    return _SEPARATOR.join((*parts[:place], b"", *parts[len(parts) - after :]))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
