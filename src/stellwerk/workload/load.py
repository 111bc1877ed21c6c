"""Reading ``workload.toml``: what a person wants trained, within which limits, for whom."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError
from stellwerk.workload.files import read_text
from stellwerk.workload.model import Workload

MAX_FILE_BYTES = 1_000_000
SCHEMA = 1


def read_workload(path: Path | str) -> Workload:
    """The workload that a ``workload.toml`` (``schema = 1``) describes; see ``docs/workload.md``.

    Raises InputErrors with every mistake that the file holds, or InputError where it cannot be read at all.
    """
    # pydantic takes longer to import than the rest of the room, and is needed only when a file is read.
    from stellwerk.workload.assemble import assemble_workload

    path = Path(path)
    values = _parse_toml(read_text(path, limit_bytes=MAX_FILE_BYTES), path)
    _check_schema(values.get("schema"), path)
    return assemble_workload(values, path)


def _parse_toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also for an integer of more digits than Python reads, which is no TOMLDecodeError
        raise InputError(f"not valid TOML: {error}", file=path) from None
    except RecursionError:
        raise InputError("not valid TOML: values are nested too deeply", file=path) from None


def _check_schema(schema: object, path: Path) -> None:
    if schema is None:
        raise InputError("is missing", file=path, key="schema", allowed=f"schema = {SCHEMA} on the first line")
    if isinstance(schema, bool) or schema != SCHEMA:
        shown = schema if isinstance(schema, int) and abs(schema) < 10**9 else None
        raise InputError("this version cannot be read", file=path, key="schema", value=shown, allowed=str(SCHEMA))
