"""How far a run is: the last line of its metrics file, without reading the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TAIL_BYTES = 8192
"""Holds several lines: one has some twenty figures."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Steps and tokens so far; None: nobody said."""

    steps: int | None = None
    tokens: int | None = None


def read_progress(metrics: Path) -> Progress:
    """What the last whole line says; nothing where there is none, or no line that can be read."""
    last = last_line(metrics)
    return Progress(_count(last.get("step")), _count(last.get("tokens")))


def last_line(metrics: Path) -> Mapping[str, Any]:
    """The last whole line that can be read; empty where there is none."""
    try:
        with metrics.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).split(b"\n")[:-1]
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(values, dict):
            return values
    return {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
