"""What the runs that have ended said when their folders were last read: a file beside them that may be lost.

A row holds as long as the run's state file is the same one (``Mark``). What goes wrong with the index only costs time:
it is left aside and made anew. Plain JSON, because a list is all that is ever asked of it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, overload

from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.launch.runs.entry import RunEntry

FILE_NAME = ".index.json"
_FIELDS = tuple(field.name for field in fields(RunEntry))
FOLDER, CREATED, STARTED = (_FIELDS.index(name) for name in ("folder", "created", "started"))
"""Where these stand in a row."""
VERSION = [1, *_FIELDS]
"""Of an index that this version of the program can read."""

Row = list[Any]
"""The fields of an entry in their order."""
Mark = list[int]
"""Inode and time of change: a state file is never written to, only replaced."""
Known = tuple[Mark, Row]
"""A row with the mark of the state file that it was read with."""


class RunList(Sequence[RunEntry]):
    """Entries that are made when they are asked for: of ten thousand, thirty are shown."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> RunEntry: ...

    @overload
    def __getitem__(self, place: slice) -> RunList: ...

    def __getitem__(self, place: int | slice) -> RunEntry | RunList:
        if isinstance(place, slice):
            return RunList(self._rows[place])
        return RunEntry(*self._rows[place])


def mark_of(path: str) -> Mark | None:
    """None where there is no file."""
    try:
        about = os.stat(path)  # noqa: PTH116 - ten thousand times
    except (OSError, ValueError):
        return None
    return [about.st_ino, about.st_mtime_ns]


def row_of(entry: RunEntry) -> Row:
    return [getattr(entry, name) for name in _FIELDS]


def read_index(root: Path) -> Mapping[str, Known]:
    """By id; empty where there is no index that can be read."""
    try:
        values = json.loads((root / FILE_NAME).read_bytes())
        if values["version"] != VERSION:
            return {}
        return {name: (mark, row) for name, (mark, row) in values["rows"].items() if len(row) == len(_FIELDS)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def write_index(root: Path, rows: Mapping[str, Known]) -> None:
    """Replaces the index, if it may."""
    with contextlib.suppress(InputError):
        write_whole(root / FILE_NAME, json.dumps({"version": VERSION, "rows": rows}, separators=(",", ":")).encode())
