"""Lays the entries of local files over those of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stellwerk.catalog.model import ENTRY_KINDS, Source
from stellwerk.catalog.rows import Row, Rows
from stellwerk.catalog.schema import LimitEntry, RuleEntry

_HOW_IT_IS_SOURCED = {"id", "source", "unsourced", "remarks", "claims"}
_PARTS = {"limits", "rules", "prices"}


def lay_over(below: Rows, local: Rows) -> Rows:
    """All entries of both. One that both have keeps its claims and takes those of the local entry beside them; its
    links, notes and other keys without claims are the local ones where the local entry gives them."""
    joined = Rows(providers=below.providers | local.providers, ids=below.ids)
    for kind in ENTRY_KINDS:
        if kind == "observations":
            getattr(joined, kind).extend([*below.observations, *local.observations])
            continue
        rows = below.by_id(kind)
        for name, row in local.by_id(kind).items():
            rows[name] = _joined(rows[name], row) if name in rows else row
        getattr(joined, kind).extend(rows.values())
    return joined


def _joined(below: Row[Any], local: Row[Any]) -> Row[Any]:
    given = local.entry.model_fields_set - _HOW_IT_IS_SOURCED - _PARTS
    return replace(
        below,
        entry=below.entry.model_copy(update={name: getattr(local.entry, name) for name in given}),
        claims=below.claims.together_with(local.claims),
        parts=_joined_parts(below.parts, local.parts),
    )


def _joined_parts(
    below: tuple[tuple[Any, Source], ...], local: tuple[tuple[Any, Source], ...]
) -> tuple[tuple[Any, Source], ...]:
    """Prices stand side by side; a local limit takes the place of those that hold for the same, a local rule that of
    the one with its id."""
    replaced = {_what(part) for part, _ in local} - {None}
    return (*(pair for pair in below if _what(pair[0]) not in replaced), *local)


def _what(part: Any) -> tuple[Any, ...] | None:
    """What a part is about, where there is room for one only."""
    if isinstance(part, LimitEntry):
        return part.unit, part.per, part.scope, frozenset(part.system_ids)
    return ("rule", part.id) if isinstance(part, RuleEntry) else None
