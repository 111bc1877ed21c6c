"""From the keys of an entry to claims with their sources, in the order in which they lead."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from stellwerk.catalog.facts import Claim, Evidence, Fact, Source

T = TypeVar("T")

UNSOURCED = Source(urls=(), as_of="undated", as_of_date=None, evidence="unsourced")
LOCAL_UNSOURCED = replace(UNSOURCED, local=True)
_RANK: dict[Evidence, int] = {"primary": 0, "secondary": 1, "unsourced": 2}
_AS_OF = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?(?!\d)|(\d{4})")


def earliest_day(as_of: str) -> datetime.date | None:
    """The earliest day that an as-of text can mean, where it starts with a year: ``"2025/26"``, ``"2026-03"``."""
    found = _AS_OF.match(as_of)
    if found is None:
        return None
    year, month, day = int(found[1] or found[4]), int(found[2] or 1), int(found[3] or 1)
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def names_a_day(as_of: str) -> bool:
    """Whether an as-of text starts with a day: ``"2026-03-12"``, and not ``"2026-03"``."""
    found = _AS_OF.match(as_of)
    return found is not None and found[3] is not None and earliest_day(as_of) is not None


def in_order(claims: Iterable[Claim[T]]) -> tuple[Claim[T], ...]:
    """Local claims first, then better evidence, then the later as-of date (undated last), then as written."""
    return tuple(sorted(claims, key=lambda claim: source_rank(claim.source)))


def source_rank(source: Source) -> tuple[bool, int, int]:
    """What ``in_order`` goes by; a smaller rank leads."""
    read_last = -(source.as_of_date.toordinal() if source.as_of_date else 0)
    return not source.local, _RANK[source.evidence], read_last


class Claims:
    """The claims of one entry by field. Each field is taken once; what nobody takes is ``rest``."""

    def __init__(self, by_field: Mapping[str, list[Claim[Any]]]) -> None:
        self._by_field = dict(by_field)

    def fact(self, field: str, convert: Callable[[Any], Any] | None = None) -> Fact[Any]:
        """The fact of a field, each value converted (a human unit into ours)."""
        claims = in_order(self._by_field.pop(field, []))
        if convert is None:
            return Fact(claims)
        return Fact(tuple(Claim(convert(claim.value), claim.source, claim.unit, claim.note) for claim in claims))

    def of(self, field: str) -> list[Claim[Any]]:
        """The claims of a field as written, left in place."""
        return self._by_field.get(field, [])

    def together_with(self, others: Claims) -> Claims:
        """The claims of both, none of either taken yet."""
        fields = dict.fromkeys([*self._by_field, *others._by_field])
        return Claims({field: [*self.of(field), *others.of(field)] for field in fields})

    def rest(self) -> dict[str, Fact[str]]:
        return {field: Fact(in_order(claims)) for field, claims in sorted(self._by_field.items())}
