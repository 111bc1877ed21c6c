"""Values that nobody named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilledIn:
    """A value that nobody named: the key of the file, the value (None: left out), and the code of the reason."""

    key: str
    value: str | int | None
    why: str


def said_or(said: object, key: str, value: str | int | None, why: str) -> object:
    """What was said; where nothing was, what is filled in at ``key``."""
    return FilledIn(key, value, why) if said is None else said
