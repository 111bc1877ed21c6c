"""The one door for job logs of every format."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from stellwerk.records.model import JobTable
from stellwerk.records.sacct import read_sacct
from stellwerk.records.sacct_lines import is_sacct
from stellwerk.records.swf import read_swf

Format = Literal["swf", "sacct"]
FORMATS: tuple[Format, ...] = get_args(Format)
_BEGINNING_BYTES = 2**16


def read_jobs(
    path: Path, *, log_format: Format | None = None, fields: Sequence[str] | None = None, timezone: str | None = None
) -> JobTable:
    """The jobs of a log; its format follows from its beginning where it is not given.

    ``fields`` and ``timezone`` are those of ``read_sacct``. Raises InputError as the readers do, and for a file that
    looks like no format.
    """
    match log_format or _recognised(path, fields is not None):
        case "swf":
            return read_swf(path)
        case "sacct":
            return read_sacct(path, fields=fields, timezone=timezone or "UTC")


def _recognised(path: Path, with_fields: bool) -> Format:
    if with_fields:
        return "sacct"
    first_line = next((line for line in _beginning(path).splitlines() if line.strip()), "")
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
