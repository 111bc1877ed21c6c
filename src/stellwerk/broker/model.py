"""What the broker returns."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from stellwerk.catalog import Catalogue, Price, Product, Programme, System
from stellwerk.messages import Reason
from stellwerk.planner import Plan, ServingPlan
from stellwerk.units import SECONDS_PER_DAY, Interval
from stellwerk.workload import Workload

Verdict = Literal["possible", "impossible", "unknown"]
Effect = Literal["impossible", "unknown", "note"]
"""What a finding does to the verdict: rules it out, leaves it open, or only has to be known."""
Completeness = Literal["complete", "partial", "unknown"]
PartName = Literal["cutoff", "decision", "delivery", "wait", "computing"]
"""Of the time until a workload is done: until the call closes, until it is decided, until rented machines are handed
over, in the queue, and the run itself."""


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
    """One rentable product on the terms of one of its prices; ``price`` is None where none is known that is valid."""

    product: Product
    price: Price | None

    @property
    def id(self) -> str:
        return f"{self.product.id}/{self.price.term_id if self.price else 'no-price'}"


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
    """What the applicant pays, in one currency (ISO 4217). Zero only where a programme says that it is free.

    ``converted`` is the amount in the currency of the match (which may be the same), None where no exchange rate is
    known.
    """

    amount: Interval
    currency: str
    net: bool | None
    converted: Interval | None


@dataclass(frozen=True, slots=True)
class FinishPart:
    """One part of the time until it is done; ``duration_s`` is None where it is not known."""

    name: PartName
    duration_s: Interval | None


@dataclass(frozen=True, slots=True)
class Finish:
    """When it is done: the sum of the parts that are known, beside those that are not."""

    as_of: datetime.date
    parts: tuple[FinishPart, ...]

    @property
    def known_s(self) -> Interval:
        known = [part.duration_s for part in self.parts if part.duration_s is not None]
        return Interval(sum(one.low for one in known), sum(one.best for one in known), sum(one.high for one in known))

    @property
    def unknown(self) -> tuple[PartName, ...]:
        return tuple(part.name for part in self.parts if part.duration_s is None)

    @property
    def day(self) -> datetime.date:
        """The day by the best estimates; the earliest one where parts are unknown."""
        return self.as_of + datetime.timedelta(days=int(-(-self.known_s.best // SECONDS_PER_DAY)))


@dataclass(frozen=True, slots=True)
class JudgedOffer:
    """An offer with verdict, reasons and, where they are known, plan, cost, time to finish and emissions."""

    offer: Offer
    verdict: Verdict
    findings: tuple[Finding, ...]
    plan: Plan | ServingPlan | None
    cost: Cost | None
    finish: Finish | None
    co2_kg: Interval | None

    @property
    def open_questions(self) -> int:
        return sum(finding.effect == "unknown" for finding in self.findings)

    @property
    def completeness(self) -> Completeness:
        """Whether cost and finish are known in full, in part, or not at all."""
        if self.cost is not None and self.finish is not None and not self.finish.unknown:
            return "complete"
        return "unknown" if self.cost is None and self.finish is None else "partial"


@dataclass(frozen=True, slots=True)
class Match:
    """All offers of a catalogue judged for one workload on one day, best first.

    ``currency`` is that of the budget, or euros; ``front`` holds the ids of the offers that none beats in both time and
    cost (pareto.py).
    """

    workload: Workload
    as_of: datetime.date
    catalogue: Catalogue
    offers: tuple[JudgedOffer, ...]
    currency: str
    front: frozenset[str]

    def counts(self) -> Mapping[str, int]:
        """Offers by verdict."""
        return {verdict: sum(offer.verdict == verdict for offer in self.offers) for verdict in get_args(Verdict)}
