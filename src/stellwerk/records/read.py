"""The one door to job logs of every format."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from stellwerk.errors import InputError
from stellwerk.records.columns import read_columns
from stellwerk.records.model import JobTable
from stellwerk.records.sacct import read_sacct
from stellwerk.records.sacct_json import read_sacct_json
from stellwerk.records.sacct_lines import is_sacct
from stellwerk.records.swf import SWF, read_swf

Format = Literal["swf", "sacct", "sacct-json", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

_BEGINNING_BYTES = 2**16
_USED_BY: dict[str, tuple[Format, ...]] = {
    "fields": ("sacct",),
    "mapping": ("csv", "parquet"),
}
_NUMBERS = re.compile(r"[-+.0-9\s]+")


def read_jobs(
    path: Path,
    *,
    log_format: Format | None = None,
    mapping: Path | None = None,
    fields: Sequence[str] | None = None,
    timezone: str | None = None,
) -> JobTable:
    """The jobs of a log, plain or gzip; its format follows from its beginning where it is not given.

    ``mapping`` says what the columns of CSV and Parquet mean, ``fields`` which fields a ``sacct`` log without a title
    line has, ``timezone`` (IANA) where the clock stood whose times such a log holds.

    Raises InputError as the readers do, for a file that looks like no format, for CSV and Parquet without a mapping,
    and for an argument that the format has no use for; MissingExtraError where a format needs polars.
    """
    found = log_format or recognised_format(path, with_fields=fields is not None, with_mapping=mapping is not None)
    for name, given in (("fields", fields), ("mapping", mapping)):
        if given is not None and found not in _USED_BY[name]:
            allowed = " and ".join(_USED_BY[name])
            raise InputError(f"means nothing to {found}", key=name, value=str(given), allowed=f"with {allowed}")
    match found:
        case "swf":
            return read_swf(path)
        case "sacct":
            return read_sacct(path, fields=fields, timezone=timezone or "UTC")
        case "sacct-json":
            return read_sacct_json(path)
        case "csv" | "parquet":
            if mapping is None:
                raise InputError(
                    "nothing says which column is what", file=path, key="mapping", allowed="docs/job-mappings.md"
                )
            return read_columns(path, mapping=mapping, timezone=timezone)


def recognised_format(path: Path, *, with_fields: bool = False, with_mapping: bool = False) -> Format:
    """The format that the beginning of a file shows; fields are those of ``sacct``, a mapping is for CSV or Parquet.

    Raises InputError for a text that looks like none. What cannot be read is taken for SWF, whose reader says why.
    """
    beginning = _beginning(path)
    if beginning.startswith(b"PAR1"):
        return "parquet"
    lines = beginning.decode(errors="replace").removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "").strip()
    if with_mapping:
        return "csv"
    if with_fields or is_sacct(first):
        return "sacct"
    if first.startswith(("{", "[")):
        return "sacct-json"
    if not first or first.startswith(SWF.comment) or _NUMBERS.fullmatch(first):
        return "swf"
    if any(separator in first for separator in ",;\t"):
        return "csv"
    raise InputError("the beginning looks like no format: name it", file=path, key="format", allowed=FORMATS)


def _beginning(path: Path) -> bytes:
    """The first bytes of a text, as far as they can be read: what is wrong with it, its reader says better."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            content = file.read(_BEGINNING_BYTES)
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unpacked:
                content = unpacked.read(_BEGINNING_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""
    return content
