"""Checks that every id that an entry refers to exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from stellwerk.catalog.check import unknown_reference
from stellwerk.catalog.rows import Row, Rows
from stellwerk.errors import InputError


def unknown_references(rows: Rows, known: Mapping[str, Collection[str]]) -> Iterator[InputError]:
    """One error for each id that is not among the ``known`` ones of its kind."""
    accelerators, systems, programmes = (known[kind] for kind in ("accelerators", "systems", "programmes"))
    for row in rows.systems:
        entry = row.entry
        yield from _unknown([entry.accelerator_id], "accelerator", accelerators, row, "accelerator_id")
        yield from _unknown(entry.shares_hardware_with, "system", systems, row, "shares_hardware_with")
        yield from _unknown(_ids(row, "access_programmes"), "programme", programmes, row, "access_programmes")
    for programme in rows.programmes:
        yield from _unknown(_ids(programme, "system_ids"), "system", systems, programme, "system_ids")
        closed = programme.entry.closed_system_ids
        yield from _unknown(closed, "system", systems, programme, "closed_system_ids")
        for number, limit in enumerate(programme.entry.limits):
            yield from _unknown(limit.system_ids, "system", systems, programme, f"limits[{number}].system_ids")
        for number, rule in enumerate(programme.entry.recurring_cutoffs):
            yield from _unknown(
                rule.system_ids, "system", systems, programme, f"recurring_cutoffs[{number}].system_ids"
            )
    for product in rows.products:
        yield from _unknown([product.entry.accelerator_id], "accelerator", accelerators, product, "accelerator_id")
    for contingent in rows.contingents:
        part = contingent.entry
        yield from _unknown(part.system_ids, "system", systems, contingent, "system_ids")
        yield from _unknown(part.programme_ids, "programme", programmes, contingent, "programme_ids")
        yield from _unknown([part.part_of], "contingent", known["contingents"], contingent, "part_of")
    for profile in rows.launch_profiles:
        yield from _unknown(profile.entry.system_ids, "system", systems, profile, "system_ids")
    for support in rows.support:
        yield from _unknown(support.entry.site_ids, "site", known["sites"], support, "site_ids")
        yield from _unknown(support.entry.system_ids, "system", systems, support, "system_ids")
        yield from _unknown(support.entry.programme_ids, "programme", programmes, support, "programme_ids")
    for software in rows.software:
        yield from _unknown(software.entry.system_ids, "system", systems, software, "system_ids")


def _ids(row: Row[Any], field: str) -> list[str]:
    return [name for claim in row.claims.of(field) for name in claim.value]


def _unknown(
    ids: Sequence[str | None], kind: str, known: Collection[str], row: Row[Any], key: str
) -> Iterator[InputError]:
    for name in ids:
        if name is not None and name not in known:
            yield unknown_reference(kind, name, known, row.document.path, f"{row.where}.{key}")
