"""Checks which programme is which class of which family."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stellwerk.catalog.check import unknown_reference
from stellwerk.catalog.rows import Row, Rows
from stellwerk.errors import InputError


def wrong_families(rows: Rows, known: Collection[str], local: Rows | None = None) -> Iterator[InputError]:
    """One error for each class that does not exist, and for each that two programmes claim.

    ``known`` are all ids of families, those that failed too; ``local`` are the rows that were laid over to make
    ``rows``; what they give is named by their own files.
    """
    families = rows.by_id("families")
    above = {kind: {} if local is None else local.by_id(kind) for kind in ("families", "programmes")}
    for family in families.values():
        classes = family.entry.classes
        for name in sorted({name for name in classes if classes.count(name) > 1}):
            yield _mistake("stands twice in one family", family, "classes", above["families"], name)
    taken: dict[tuple[str, str], Row[Any]] = {}
    for row in rows.programmes:
        family_id, access_class = row.entry.family, row.entry.access_class
        if (family_id is None) != (access_class is None):
            given, missing = ("family", "access_class") if family_id else ("access_class", "family")
            yield _mistake(f"goes together with {missing}", row, given, above["programmes"], family_id or access_class)
        elif family_id is None or access_class is None:
            continue
        elif family_id not in known:
            file = _giving(row, "family", above["programmes"]).document.path
            yield unknown_reference("family", family_id, known, file, f"{row.where}.family")
        elif family_id in families:
            classes = families[family_id].entry.classes
            first = taken.setdefault((family_id, access_class), row)
            if access_class not in classes:
                problem = f"not a class of {family_id}"
                yield _mistake(problem, row, "access_class", above["programmes"], access_class, classes)
            elif first is not row:
                other = _giving(first, "access_class", above["programmes"])
                problem = f"already the class of {other.document.path}: {first.where}"
                yield _mistake(problem, row, "access_class", above["programmes"], access_class)


def _mistake(
    problem: str,
    row: Row[Any],
    key: str,
    above: Mapping[str, Row[Any]],
    value: object,
    allowed: list[str] | None = None,
) -> InputError:
    file = _giving(row, key, above).document.path
    return InputError(problem, file=file, key=f"{row.where}.{key}", value=value, allowed=allowed)


def _giving(row: Row[Any], key: str, above: Mapping[str, Row[Any]]) -> Row[Any]:
    """The row that gives a key: the local one where it does."""
    local = above.get(row.entry.id)
    return local if local is not None and key in local.entry.model_fields_set else row
