"""Reading ``workload.toml``: what a person wants trained, within which limits, for whom."""

from __future__ import annotations

from pathlib import Path

from stellwerk.files import read_toml
from stellwerk.workload.migrate import check_schema, upgraded
from stellwerk.workload.model import Workload

MAX_FILE_BYTES = 1_000_000


def read_workload(path: Path | str) -> Workload:
    """The workload that a ``workload.toml`` (``schema = 2``; 1 is upgraded) describes; see ``docs/workload.md``.

    Raises InputErrors with every mistake that the file holds, or InputError where it cannot be read at all.
    """
    # pydantic takes longer to import than the rest of the room, and is needed only when a file is read.
    from stellwerk.workload.assemble import assemble_workload

    path = Path(path)
    values = read_toml(path, limit_bytes=MAX_FILE_BYTES)
    check_schema(values.get("schema"), path)
    return assemble_workload(upgraded(values), path)
