"""Lays the entries of local files over those of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stellwerk.catalog.facts import Source
from stellwerk.catalog.model import ENTRY_KINDS
from stellwerk.catalog.rows import PARTS, Row, Rows
from stellwerk.catalog.schema import LimitEntry, RuleEntry
from stellwerk.catalog.schema_parts import ChargeEntry, PartitionEntry, RecurringCutoffEntry

_HOW_IT_IS_SOURCED = {"id", "source", "unsourced", "remarks", "claims"}


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
    given = local.entry.model_fields_set - _HOW_IT_IS_SOURCED - set(PARTS)
    return replace(
        below,
        local=local,
        entry=below.entry.model_copy(update={name: getattr(local.entry, name) for name in given}),
        claims=below.claims.together_with(local.claims),
        parts=_joined_parts(below.parts, local.parts),
    )


def _joined_parts(
    below: tuple[tuple[Any, Source], ...], local: tuple[tuple[Any, Source], ...]
) -> tuple[tuple[Any, Source], ...]:
    """Prices stand side by side; any other local part takes the place of those that hold for the same."""
    replaced = {_holds_for(part) for part, _ in local} - {None}
    kept = (pair for pair in below if _holds_for(pair[0]) not in replaced)
    return (*kept, *local)


def _holds_for(part: Any) -> tuple[Any, ...] | None:
    """What a part is about; None for prices, which never take each other's place."""
    if isinstance(part, LimitEntry):
        return LimitEntry, part.unit, part.per, part.scope, frozenset(part.system_ids)
    if isinstance(part, RuleEntry):
        return RuleEntry, part.id
    if isinstance(part, PartitionEntry):
        return PartitionEntry, part.name
    if isinstance(part, ChargeEntry):
        return ChargeEntry, part.unit, part.per, part.slice, part.accel_per_node
    if isinstance(part, RecurringCutoffEntry):
        return RecurringCutoffEntry, part.scope, frozenset(part.system_ids)
    return None
