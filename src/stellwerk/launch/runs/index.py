"""What the runs that have ended said when their folders were last read: a file beside them that may be lost.

A row holds as long as the run's state file is the same one (inode, size, time of change). What goes wrong with the
index only costs time: it is left aside and made anew.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from stellwerk.launch.runs.entry import RunEntry

FILE_NAME = ".index.sqlite3"
VERSION = 1
_COLUMNS = tuple(field.name for field in fields(RunEntry))
_SELECT = f"SELECT mark, {', '.join(_COLUMNS)} FROM runs"  # noqa: S608 - names of our own fields
_INSERT = f"INSERT OR REPLACE INTO runs (mark, {', '.join(_COLUMNS)}) VALUES (?{', ?' * len(_COLUMNS)})"  # noqa: S608
_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Known:
    """An entry, and the mark of the state file that it was read from."""

    mark: str
    entry: RunEntry


def read_index(root: Path) -> Mapping[str, Known]:
    """By id; empty where there is no index that can be read."""
    try:
        with contextlib.closing(_open(root)) as connection:
            rows = connection.execute(_SELECT).fetchall()
    except sqlite3.Error:
        return {}
    return {row[1]: Known(row[0], RunEntry(*row[1:])) for row in rows}


def write_index(root: Path, known: Iterable[Known], *, gone: Collection[str]) -> None:
    """Adds or replaces rows, and takes away those of the ids in ``gone``. An index that is broken is removed."""
    try:
        with contextlib.closing(_open(root)) as connection, connection:
            rows = [(one.mark, *astuple(one.entry)) for one in known]
            connection.executemany(_INSERT, rows)
            connection.executemany("DELETE FROM runs WHERE id = ?", [(name,) for name in gone])
    except sqlite3.OperationalError:  # locked by another, or not ours to write
        return
    except sqlite3.DatabaseError:
        with contextlib.suppress(OSError):
            (root / FILE_NAME).unlink()


def _open(root: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(root / FILE_NAME, timeout=_WAIT_S)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            columns = ", ".join(f"{name} PRIMARY KEY" if name == "id" else name for name in _COLUMNS)
            with connection:
                connection.execute("DROP TABLE IF EXISTS runs")
                connection.execute(f"CREATE TABLE runs (mark, {columns})")
                connection.execute(f"PRAGMA user_version = {VERSION}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
