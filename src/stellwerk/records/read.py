"""The one door for job logs of every format."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from stellwerk.errors import InputError
from stellwerk.records.columns import read_columns
from stellwerk.records.columns_parquet import is_parquet
from stellwerk.records.model import JobTable
from stellwerk.records.sacct import read_sacct
from stellwerk.records.sacct_json import read_sacct_json
from stellwerk.records.sacct_lines import is_sacct
from stellwerk.records.swf import read_swf

Format = Literal["swf", "sacct", "sacct-json", "columns"]
"""``columns``: CSV or Parquet, with a mapping file."""
FORMATS: tuple[Format, ...] = get_args(Format)
_BEGINNING_BYTES = 2**16


def read_jobs(
    path: Path,
    *,
    log_format: Format | None = None,
    fields: Sequence[str] | None = None,
    mapping: Path | None = None,
    timezone: str | None = None,
) -> JobTable:
    """The jobs of a log; its format follows from its beginning where it is not given.

    ``fields`` are those of ``read_sacct``, ``mapping`` that of ``read_columns``, ``timezone`` that of both. Raises
    InputError as the readers do, and for CSV or Parquet without a mapping.
    """
    match log_format or _recognised(path, fields is not None, mapping is not None):
        case "columns":
            if mapping is None:
                raise InputError("a mapping file has to say what the columns hold", file=path, key="mapping")
            return read_columns(path, mapping=mapping, timezone=timezone)
        case "sacct-json":
            return read_sacct_json(path)
        case "swf":
            return read_swf(path)
        case "sacct":
            return read_sacct(path, fields=fields, timezone=timezone or "UTC")


def _recognised(path: Path, with_fields: bool, with_mapping: bool) -> Format:
    if with_mapping or is_parquet(path):
        return "columns"
    if with_fields:
        return "sacct"
    first_line = next((line for line in _beginning(path).splitlines() if line.strip()), "")
    if first_line.lstrip().startswith("{"):
        return "sacct-json"
    return "sacct" if is_sacct(first_line) else "swf"


def _beginning(path: Path) -> str:
    """The first lines of a file, as far as they can be read: what is wrong with it, its reader says better."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            content = file.read(_BEGINNING_BYTES)
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unpacked:
                content = unpacked.read(_BEGINNING_BYTES)
    except (OSError, EOFError, zlib.error):
        return ""
    return content.decode(errors="replace")
