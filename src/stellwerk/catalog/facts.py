"""What sources state: a fact is the claims about one value, side by side.

A fact without a claim is unknown, and unknown is a value: nothing here stands in for it.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

Evidence = Literal["primary", "secondary", "unsourced"]
"""``primary``: read on the operator's own page; ``secondary``: quoted by another document;
``unsourced``: common knowledge of the field, no source read."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a claim was read and what it is worth.

    ``as_of`` keeps the wording of the facts ("2025/26", "undated"); ``as_of_date`` is the earliest day it can
    mean, or None where it names no year.
    """

    urls: tuple[str, ...]
    as_of: str
    as_of_date: datetime.date | None
    evidence: Evidence
    note: str = ""
    """How it was read, where that matters ("quoted by a public policy paper")."""
    local: bool = False
    """Stated by a local file that was laid over the catalogue; such a claim leads."""


@dataclass(frozen=True, slots=True)
class Claim(Generic[T]):
    """One source's statement of one value."""

    value: T
    source: Source
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """All claims about one value, the leading one first.

    A local claim leads, then the better evidenced one, among equals the later one, among those the one written first.
    """

    claims: tuple[Claim[T], ...] = ()

    @property
    def value(self) -> T | None:
        """The leading claim's value; None where nothing is known."""
        return self.claims[0].value if self.claims else None

    @property
    def known(self) -> bool:
        return bool(self.claims)

    @property
    def evidence(self) -> Evidence | None:
        return self.claims[0].source.evidence if self.claims else None

    @property
    def rivals(self) -> tuple[Claim[T], ...]:
        """Claims that state another value than the leading one."""
        return tuple(claim for claim in self.claims[1:] if claim.value != self.claims[0].value)
