"""A workload file brought to the current version as text: what a person wrote beside the values stays."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stellwerk.catalog import ENTRY_KINDS
from stellwerk.errors import InputError
from stellwerk.files import parse_toml
from stellwerk.workload.migrate import SCHEMA, Change, changes_to, check_schema, upgraded

OTHER_FILES: Mapping[str, frozenset[str]] = {
    "a catalogue file": frozenset({*ENTRY_KINDS, "sources", "provider"}),
    "a file of waits": frozenset({"waits"}),
}
"""Kinds of files that have had one version so far, by the tables that only they have."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """A file as the current version has it.

    ``kind`` says in words what file it is; ``changes`` has a line for each value that changed, empty where none did.
    """

    kind: str
    text: str
    from_version: int
    to_version: int
    changes: tuple[str, ...]


def migrate_text(text: str, path: Path) -> Migrated:
    """The content of ``path`` in the current version of its kind, with all comments, in the same order.

    Raises InputError for what is no TOML, for a version that is not known, and for a text that cannot be changed
    without changing more than what differs between the versions.
    """
    values = parse_toml(text, path)
    for kind, tables in OTHER_FILES.items():
        if tables & values.keys():
            _check_only_version(values.get("schema"), kind, path)
            return Migrated(kind, text, 1, 1, ())
    check_schema(values.get("schema"), path)
    changes = changes_to(values)
    if changes:
        text = _rewritten(text, changes, path)
        if parse_toml(text, path) != upgraded(values):
            raise _cannot(changes, path)
    return Migrated("a workload file", text, values["schema"], SCHEMA, tuple(_in_words(change) for change in changes))


def _check_only_version(schema: object, kind: str, path: Path) -> None:
    if schema is None:
        raise InputError("is missing", file=path, key="schema", allowed="schema = 1 on the first line")
    if type(schema) is not int or schema != 1:
        shown = schema if isinstance(schema, int) and abs(schema) < 10**9 else None
        problem = f"{kind} of this version is not known"
        raise InputError(problem, file=path, key="schema", value=shown, allowed="1")


def _rewritten(text: str, changes: tuple[Change, ...], path: Path) -> str:
    # Only needed when a file is changed.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        for change in changes:
            table: Any = document
            for key in change.keys[:-1]:
                table = table[key]
            table[change.keys[-1]] = change.new
        return tomlkit.dumps(document)
    except TOMLKitError:
        raise _cannot(changes, path) from None


def _cannot(changes: tuple[Change, ...], path: Path) -> InputError:
    by_hand = "; ".join(_in_words(change) for change in changes)
    problem = "cannot be upgraded here without losing something else in it; it has to be changed by hand"
    return InputError(problem, file=path, allowed=by_hand)


def _in_words(change: Change) -> str:
    return f"{'.'.join(change.keys)} = {json.dumps(change.new)} (was {_shown(change.old)})"


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime.date) else json.dumps(value)
