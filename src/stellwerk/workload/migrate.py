"""From one version of the workload file to the next; docs/workload.md says what changed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError

SCHEMA = 2


@dataclass(frozen=True, slots=True)
class Change:
    """One value that the current version has otherwise: ``keys`` lead to it from the top of the file."""

    keys: tuple[str, ...]
    old: object
    new: str | int


def check_schema(schema: object, path: Path) -> None:
    """Raises InputError where the version that stands in ``path`` is none that is read here."""
    if schema is None:
        raise InputError("is missing", file=path, key="schema", allowed=f"schema = {SCHEMA} on the first line")
    if type(schema) is not int or schema not in (SCHEMA, SCHEMA - 1):
        shown = schema if isinstance(schema, int) and abs(schema) < 10**9 else None
        allowed = f"{SCHEMA}; {SCHEMA - 1} is read, too"
        raise InputError("this version cannot be read", file=path, key="schema", value=shown, allowed=allowed)


def changes_to(values: dict[str, Any]) -> tuple[Change, ...]:
    """What the parsed TOML of a workload needs to be of the current version; empty where it is."""
    return tuple(_from_1(values)) if values.get("schema") == 1 else ()


def upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """The parsed TOML of a workload as the current version has it."""
    for change in changes_to(values):
        values = _with(values, change.keys, change.new)
    return values


def _from_1(values: dict[str, Any]) -> Iterator[Change]:
    """Version 1 had deadlines without hour and zone: the day began it, wherever the applicant was."""
    yield Change(("schema",), values["schema"], 2)
    limits = values.get("limits")
    deadline = limits.get("deadline") if isinstance(limits, dict) else None
    if type(deadline) is datetime.date:
        yield Change(("limits", "deadline"), deadline, f"{deadline.isoformat()} 00:00 UTC")


def _with(values: dict[str, Any], keys: tuple[str, ...], new: str | int) -> dict[str, Any]:
    """A copy of ``values`` with ``new`` at the end of ``keys``."""
    first, *rest = keys
    return values | {first: _with(values[first], tuple(rest), new) if rest else new}
