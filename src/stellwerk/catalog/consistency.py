"""Checks what several entries, or several claims of one, say together: each error names all the places."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from stellwerk.catalog.claims import in_order, names_a_day
from stellwerk.catalog.facts import Claim
from stellwerk.catalog.model_parts import in_period
from stellwerk.catalog.rows import Row, Rows
from stellwerk.errors import InputError

_ROUNDING = 1e-9
_A_DAY = "a source with a day in as_of, such as 2026-10-30"


def contradictions(rows: Rows) -> Iterator[InputError]:
    """One error for each contradiction between entries that are right by themselves."""
    yield from _rates_without_a_day(rows)
    yield from _operation_that_ends_before_it_begins(rows)
    yield from _hardware_shared_with_itself(rows)
    yield from _contingents_that_contain_each_other(rows)
    yield from _contingents_above_the_whole(rows)
    yield from _systems_with_two_launch_profiles(rows)


def _rates_without_a_day(rows: Rows) -> Iterator[InputError]:
    for row in rows.exchange_rates:
        claims = row.claims.of("rate")
        if not claims:
            yield _mistake("states no rate", row)
        for claim in claims:
            as_of = claim.source.as_of
            if not names_a_day(as_of):
                problem = "the as_of of its source names no day, and a rate is that of one day"
                yield _mistake(problem, row, "rate", as_of, file=_file(row, claim), allowed=_A_DAY)


def _operation_that_ends_before_it_begins(rows: Rows) -> Iterator[InputError]:
    names = [f"operation_{end}" for end in ("from_earliest", "from_latest", "until_earliest", "until_latest")]
    for row in rows.systems:
        ends = [(name, claim) for name in names if (claim := _leading_claim(row, name)) is not None]
        for (name, begin), (later, end) in pairwise(ends):
            if end.value >= begin.value:
                continue
            if begin.source.local and not end.source.local:  # the local file is the one to mend
                yield _contradiction(row, name, begin, f"is after {later}", end)
            else:
                yield _contradiction(row, later, end, f"is before {name}", begin)


def _contradiction(row: Row[Any], key: str, claim: Claim[Any], problem: str, other: Claim[Any]) -> InputError:
    """Of two claims of one entry, with the file of the other where it stands in another one."""
    file, other_file = _file(row, claim), _file(row, other)
    place = "" if file == other_file else f" in {other_file}"
    return _mistake(f"{problem}, {other.value}{place}", row, key, claim.value, file=file)


def _hardware_shared_with_itself(rows: Rows) -> Iterator[InputError]:
    for row in rows.systems:
        if row.entry.id in row.entry.shares_hardware_with:
            yield _mistake("a system does not share hardware with itself", row, "shares_hardware_with", row.entry.id)


def _contingents_that_contain_each_other(rows: Rows) -> Iterator[InputError]:
    by_id = {row.entry.id: row for row in rows.contingents}
    for row in by_id.values():
        chain = [row]
        while (whole := by_id.get(chain[-1].entry.part_of or "")) is not None and whole not in chain:
            chain.append(whole)
        if whole is row and row.entry.id == min(member.entry.id for member in chain):
            circle = "; ".join(_place(member) for member in chain)
            yield _mistake(f"contingents are parts of each other: {circle}", row, "part_of", row.entry.part_of)


def _contingents_above_the_whole(rows: Rows) -> Iterator[InputError]:
    """Those of one whole whose periods overlap: their least shares, added up."""
    sizes = {
        row.entry.id: max((claim.value for claim in row.claims.of("accel_total")), default=None) for row in rows.systems
    }
    of_whole: dict[tuple[str, str], list[tuple[Row[Any], float]]] = defaultdict(list)
    for row in sorted(rows.contingents, key=lambda row: row.entry.id):
        for system_id in row.entry.system_ids:
            share = _least_share(row, sizes.get(system_id))
            if share is not None:
                of_whole[system_id, row.entry.part_of or ""].append((row, share))
    told: set[tuple[str, ...]] = set()
    for (system_id, part_of), members in of_whole.items():
        for start in dict.fromkeys(row.entry.valid_from or datetime.date.min for row, _ in members):
            together = [
                (row, share) for row, share in members if in_period(start, row.entry.valid_from, row.entry.valid_until)
            ]
            total = sum(share for _, share in together)
            ids = tuple(row.entry.id for row, _ in together)
            if total > 1 + _ROUNDING and ids not in told:
                told.add(ids)
                whole = f"the contingent {part_of!r}" if part_of else f"the system {system_id!r}"
                places = "; ".join(f"{_place(row)} ({share:.4g})" for row, share in together)
                yield _mistake(f"contingents of {whole} add up to {total:.4g} of it: {places}", together[-1][0])


def _systems_with_two_launch_profiles(rows: Rows) -> Iterator[InputError]:
    seen: dict[str, Row[Any]] = {}
    for row in sorted(rows.launch_profiles, key=lambda row: row.entry.id):
        for system_id in row.entry.system_ids:
            other = seen.setdefault(system_id, row)
            if other is not row:
                yield _mistake(
                    f"the system has a launch profile already: {_place(other)}", row, "system_ids", system_id
                )


def _least_share(row: Row[Any], accelerators_of_system: int | None) -> float | None:
    """The least that the leading claims say for certain, as a share."""
    for name in ("share", "share_at_least"):
        if (share := _leading(row, name)) is not None:
            return float(share)
    count = _leading(row, "accelerators")
    return None if count is None or accelerators_of_system is None else count / accelerators_of_system


def _leading(row: Row[Any], field: str) -> Any:
    claim = _leading_claim(row, field)
    return None if claim is None else claim.value


def _leading_claim(row: Row[Any], field: str) -> Claim[Any] | None:
    return next(iter(in_order(row.claims.of(field))), None)


def _file(row: Row[Any], claim: Claim[Any]) -> Path:
    """Where a claim of an entry stands."""
    return (row.local if row.local and claim.source.local else row).document.path


def _place(row: Row[Any]) -> str:
    return f"{row.where} in {row.files}"


def _mistake(
    problem: str,
    row: Row[Any],
    key: str = "",
    value: object = None,
    *,
    file: Path | None = None,
    allowed: str | None = None,
) -> InputError:
    """At ``file``; without one, at the local file, which is the one to mend."""
    shown = value.isoformat() if isinstance(value, datetime.date) else value
    place = file or (row.local or row).document.path
    return InputError(problem, file=place, key=f"{row.where}.{key}".rstrip("."), value=shown, allowed=allowed)
