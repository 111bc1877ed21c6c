"""Offers and what the broker says about them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from stellwerk.catalog import Catalogue, Product, Programme, System
from stellwerk.messages import Reason
from stellwerk.planner import Plan
from stellwerk.units import Interval
from stellwerk.workload import Workload

Verdict = Literal["possible", "impossible", "unknown"]
Effect = Literal["impossible", "unknown", "note"]
"""What a finding does to the verdict: rules it out, leaves it open, or only has to be known."""


@dataclass(frozen=True, slots=True)
class PublicOffer:
    """A publicly funded pool, reached through one programme; ``programme`` is None where no fact states one."""

    system: System
    programme: Programme | None

    @property
    def id(self) -> str:
        return f"{self.system.id}/{self.programme.id if self.programme else 'no-programme-stated'}"


@dataclass(frozen=True, slots=True)
class CommercialOffer:
    """One rentable product."""

    product: Product

    @property
    def id(self) -> str:
        return self.product.id


Offer = PublicOffer | CommercialOffer


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason and its effect on the verdict."""

    effect: Effect
    reason: Reason


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """``impossible`` if one finding rules it out, otherwise ``unknown`` if one leaves it open, else ``possible``."""
    effects = {finding.effect for finding in findings}
    if "impossible" in effects:
        return "impossible"
    return "unknown" if "unknown" in effects else "possible"


def deciding_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    order = {"impossible": 0, "unknown": 1, "note": 2}
    return tuple(sorted(findings, key=lambda finding: order[finding.effect]))


@dataclass(frozen=True, slots=True)
class Cost:
    """What the applicant pays, in one currency (ISO 4217). Zero only where a programme says that it is free."""

    amount: Interval
    currency: str
    net: bool | None


@dataclass(frozen=True, slots=True)
class JudgedOffer:
    """An offer with verdict, reasons and, where they are known, the plan and the cost."""

    offer: Offer
    verdict: Verdict
    findings: tuple[Finding, ...]
    plan: Plan | None
    cost: Cost | None

    @property
    def open_questions(self) -> int:
        return sum(finding.effect == "unknown" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Match:
    """All offers of a catalogue judged for one workload on one day, best first."""

    workload: Workload
    as_of: datetime.date
    catalogue: Catalogue
    offers: tuple[JudgedOffer, ...]

    def counts(self) -> Mapping[str, int]:
        """Offers by verdict."""
        return {verdict: sum(offer.verdict == verdict for offer in self.offers) for verdict in get_args(Verdict)}
