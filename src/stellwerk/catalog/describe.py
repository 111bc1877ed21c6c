"""An entry of the catalogue laid out for reading: its facts by name, and everything as plain data for JSON."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from stellwerk.catalog.facts import Claim, Fact


def named_facts(entry: object) -> dict[str, Fact[Any]]:
    """All facts of an entry by name, known or not, those in mappings after those with a field of their own."""
    named: dict[str, Fact[Any]] = {}
    inner: dict[str, Fact[Any]] = {}
    for field in fields(entry):  # type: ignore[arg-type]
        value = getattr(entry, field.name)
        if isinstance(value, Fact):
            named[field.name] = value
        elif isinstance(value, Mapping):
            prefix = "" if field.name == "other" else f"{field.name}: "
            inner |= {f"{prefix}{name}": fact for name, fact in value.items() if isinstance(fact, Fact)}
    return named | inner


def as_plain_data(value: object) -> Any:
    """Any object of the catalogue as dicts, lists, numbers and strings; an amount of money stays exact as a string.

    A fact becomes its leading value with all claims beside it.
    """
    if isinstance(value, Fact):
        return {"value": as_plain_data(value.value), "claims": [as_plain_data(claim) for claim in value.claims]}
    if isinstance(value, Claim):
        source = as_plain_data(value.source)
        return {"value": as_plain_data(value.value), "unit": value.unit, "note": value.note, "source": source}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_plain_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain_data(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_plain_data(inner) for inner in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime.date) else value
