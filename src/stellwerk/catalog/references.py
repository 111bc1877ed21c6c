"""Checks that every id that an entry refers to exists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stellwerk.catalog.check import unknown_reference
from stellwerk.catalog.rows import Row, Rows
from stellwerk.errors import InputError


def unknown_references(rows: Rows) -> Iterator[InputError]:
    """One error for each id that no entry of the catalogue has."""
    for system in rows.systems:
        entry = system.entry
        yield from _unknown(rows, "accelerators", [entry.accelerator_id], system, "accelerator_id")
        yield from _unknown(rows, "systems", entry.shares_hardware_with, system, "shares_hardware_with")
        yield from _unknown(rows, "programmes", _ids(system, "access_programmes"), system, "access_programmes")
    for programme in rows.programmes:
        yield from _unknown(rows, "systems", _ids(programme, "system_ids"), programme, "system_ids")
        yield from _unknown(rows, "systems", programme.entry.closed_system_ids, programme, "closed_system_ids")
        for number, limit in enumerate(programme.entry.limits):
            yield from _unknown(rows, "systems", limit.system_ids, programme, f"limits[{number}].system_ids")
    for product in rows.products:
        yield from _unknown(rows, "accelerators", [product.entry.accelerator_id], product, "accelerator_id")


def _ids(row: Row[Any], field: str) -> list[str]:
    return [name for claim in row.claims.of(field) for name in claim.value]


def _unknown(rows: Rows, kind: str, ids: Sequence[str | None], row: Row[Any], key: str) -> Iterator[InputError]:
    known = rows.ids[kind]
    for name in ids:
        if name is not None and name not in known:
            yield unknown_reference(kind.rstrip("s"), name, known, row.document.path, f"{row.where}.{key}")
