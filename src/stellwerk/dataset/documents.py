"""The documents of a piece of input, one after the other, each in the same place whenever it is read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from stellwerk.dataset.inputs import Found, Kind
from stellwerk.dataset.streams import content_of, is_compressed
from stellwerk.errors import InputError
from stellwerk.files import load_polars

MAX_DOCUMENT_BYTES = 2**30
_PARQUET_ROWS = 4096
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Reading:
    """How inputs are cut into documents: the field of JSONL, the column of Parquet, the line between two documents of
    one text file (None: a text file is one document)."""

    field: str = "text"
    column: str = "text"
    separator: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A file or a part of it: bytes ``first`` to ``end`` of plain JSONL, of which a line belongs to the piece that it
    begins in; rows of Parquet; ``end`` None means the whole file."""

    path: str
    kind: Kind
    first: int = 0
    end: int | None = None


def pieces_of(file: Found, reading: Reading, piece_bytes: int) -> list[Piece]:
    """The file in pieces of about ``piece_bytes`` where it can be read from the middle, else as one.

    Raises InputError for a Parquet file that is broken or lacks the column.
    """
    whole = [Piece(str(file.path), file.kind)]
    if file.size_bytes <= piece_bytes and file.kind != "parquet":
        return whole
    if file.kind == "text" or is_compressed(file.path):
        return whole
    if file.kind == "jsonl":
        end, step = file.size_bytes, piece_bytes
    else:
        end = _parquet_rows(file.path, reading.column)
        step = max(1, end * piece_bytes // file.size_bytes)
    return [Piece(str(file.path), file.kind, first, min(end, first + step)) for first in range(0, end, step)]


def documents_of(piece: Piece, reading: Reading) -> Iterator[str]:
    """The texts in a piece, in order; a null is an empty text.

    Raises InputError with the file and the place in it: the byte that is not UTF-8, the line without the field.
    """
    path = Path(piece.path)
    if piece.kind == "text":
        return _text_documents(path, reading.separator)
    if piece.kind == "jsonl":
        return _json_documents(path, piece, reading.field)
    return _parquet_documents(path, piece, reading.column)


def _text_documents(path: Path, separator: str | None) -> Iterator[str]:
    with content_of(path) as stream:
        if separator is None:
            yield _decoded(stream.read(MAX_DOCUMENT_BYTES + 1), path, 0).removeprefix(_BYTE_ORDER_MARK)
            return
        lines: list[str] = []
        at = 0
        for line in _lines(stream, path):
            text = _decoded(line, path, at)
            at += len(line)
            if text.rstrip("\r\n") == separator:
                yield "".join(lines).removeprefix(_BYTE_ORDER_MARK)
                lines = []
            else:
                lines.append(text)
        yield "".join(lines).removeprefix(_BYTE_ORDER_MARK)


def _json_documents(path: Path, piece: Piece, field: str) -> Iterator[str]:
    with content_of(path) as stream:
        at = piece.first
        if at:
            stream.seek(at - 1)
            at += len(stream.readline()) - 1  # what is left of a line that began before
        for number, line in enumerate(_lines(stream, path), 1):
            if piece.end is not None and at >= piece.end:
                return
            if line.strip():
                text = _decoded(line, path, at)
                yield _field(text.removeprefix(_BYTE_ORDER_MARK), field, path, piece.first, number)
            at += len(line)


def _field(line: str, field: str, path: Path, first: int, number: int) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", file=path, key=_line(path, first, number)) from None
    if not isinstance(record, dict):
        raise InputError("is no JSON object", file=path, key=_line(path, first, number), value=record)
    if field not in record:
        raise InputError(
            f"has no field {field!r}",
            file=path,
            key=_line(path, first, number),
            value=list(record),
            allowed="--field NAME",
        )
    text = record[field]
    if text is None:
        return ""
    if not isinstance(text, str):
        raise InputError(f"field {field!r} is no text", file=path, key=_line(path, first, number), value=text)
    try:
        text.encode()
    except UnicodeEncodeError as error:  # JSON can name half of a surrogate pair
        raise InputError(
            f"field {field!r} holds half a character (\\u{ord(text[error.start]):04x})",
            file=path,
            key=_line(path, first, number),
        ) from None
    return text


def _line(path: Path, first: int, number: int) -> str:
    """The name of a line for a message, counted from the beginning of the file."""
    before = 0
    with content_of(path) as stream:
        while first > 0 and (block := stream.read(min(first, 2**20))):
            before += block.count(b"\n")
            first -= len(block)
            begins_line = block.endswith(b"\n")
            if first == 0 and not begins_line:
                before += 1  # the line that the piece leaves to the one before it
    return f"line {before + number}"


def _parquet_rows(path: Path, column: str) -> int:
    pl = load_polars()
    try:
        data = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        schema = data.collect_schema()
        rows: int = data.select(pl.len()).collect().item()
    except _broken(pl) as error:
        raise _no_parquet(path, error) from None
    _refuse_column(path, column, schema, pl)
    return rows


def _parquet_documents(path: Path, piece: Piece, column: str) -> Iterator[str]:
    pl = load_polars()
    try:
        if is_compressed(path):
            with content_of(path) as stream:
                content = io.BytesIO(stream.read())
            data = pl.read_parquet(content).lazy()
        else:
            data = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        _refuse_column(path, column, data.collect_schema(), pl)
        end = piece.end if piece.end is not None else data.select(pl.len()).collect().item()
        for first in range(piece.first, end, _PARQUET_ROWS):
            rows = min(_PARQUET_ROWS, end - first)
            yield from data.select(pl.col(column).fill_null("")).slice(first, rows).collect()[column].to_list()
    except _broken(pl) as error:
        raise _no_parquet(path, error) from None


def _refuse_column(path: Path, column: str, schema: Any, pl: Any) -> None:
    texts = [name for name, kind in schema.items() if kind == pl.String]
    if column not in schema.names():
        raise InputError("there is no such column", file=path, key="column", value=column, allowed=texts)
    if column not in texts:
        raise InputError(
            f"the column is no text but {schema[column]}", file=path, key="column", value=column, allowed=texts
        )


def _broken(pl: Any) -> tuple[type[BaseException], ...]:
    return (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def _no_parquet(path: Path, error: BaseException) -> InputError:
    words = str(error).splitlines()
    return InputError(f"broken Parquet: {words[0] if words else type(error).__name__}", file=path)


def _lines(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    while line := stream.readline(MAX_DOCUMENT_BYTES + 1):
        if len(line) > MAX_DOCUMENT_BYTES:
            raise _too_long(path)
        yield line


def _decoded(content: bytes, path: Path, at: int) -> str:
    """The text of what stands at byte ``at`` of the file, after decompression."""
    if len(content) > MAX_DOCUMENT_BYTES:
        raise _too_long(path)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {at + error.start:,} is not UTF-8: 0x{content[error.start]:02x}", file=path, allowed="text in UTF-8"
        ) from None


def _too_long(path: Path) -> InputError:
    return InputError(
        f"a document longer than {MAX_DOCUMENT_BYTES >> 20} MiB", file=path, allowed="--separator LINE cuts a text file"
    )
