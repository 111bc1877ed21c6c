"""Which class of access fits: NHR test or normal, playground or fast lane, and so on, from a finished match."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from stellwerk.broker.access import judge_programme
from stellwerk.broker.grants import amount_needed, limits_on
from stellwerk.broker.model import Finding, JudgedOffer, Match, PublicOffer, Verdict, deciding_first, verdict_of
from stellwerk.catalog import AmountLimit, Catalogue, Family, Programme, System
from stellwerk.messages import Reason
from stellwerk.units import Interval

Fit = Literal["inside", "below", "above", "open", "not_comparable", "not_stated", "no_plan"]
"""Where the need lies against the limits of a class on one system. ``open``: within the uncertainty;
``not_comparable``: limits in other units, or in words; ``not_stated``: no limit is known; ``no_plan``: the need itself
is not known."""

_FIT_BY_FINDING: dict[str, Fit] = {
    "amount_above_maximum": "above",
    "amount_below_minimum": "below",
    "amount_alone_below_minimum": "below",
    "amount_may_exceed_maximum": "open",
    "amount_near_maximum": "inside",
    "amount_near_minimum": "inside",
    "amount_may_miss_minimum": "open",
    "amount_not_comparable": "not_comparable",
    "amount_limit_unknown": "not_stated",
}


@dataclass(frozen=True, slots=True)
class ClassOnSystem:
    """One class on one of its systems. ``needed`` has one amount for each limit, in its unit; None where that unit is
    not compared or there is no plan. ``verdict`` is that of the whole offer, hardware and budget included."""

    system: System
    verdict: Verdict
    fit: Fit
    limits: tuple[AmountLimit, ...]
    needed: tuple[Interval | None, ...]


@dataclass(frozen=True, slots=True)
class ClassAnswer:
    """One class: whether it is open to the applicant (``verdict``, with findings), and its systems, best first."""

    programme: Programme
    verdict: Verdict
    findings: tuple[Finding, ...]
    next_cutoff: datetime.date | None
    systems: tuple[ClassOnSystem, ...]


@dataclass(frozen=True, slots=True)
class FamilyAnswer:
    """The classes of a family in their order, and what to do, in one line."""

    family: Family
    classes: tuple[ClassAnswer, ...]
    advice: Reason


def find_classes(match: Match) -> tuple[FamilyAnswer, ...]:
    """Every family of the catalogue with each of its classes, for the workload and the day of the match."""
    on_systems: dict[str, list[ClassOnSystem]] = {}
    for judged in match.offers:
        if isinstance(judged.offer, PublicOffer) and judged.offer.programme:
            found = _on_system(judged, judged.offer.system, judged.offer.programme)
            on_systems.setdefault(judged.offer.programme.id, []).append(found)
    answers = []
    for family in match.catalogue.families.values():
        classes = tuple(_answer(one, match, on_systems.get(one.id, [])) for one in classes_of(family, match.catalogue))
        answers.append(FamilyAnswer(family, classes, _advise(family, classes)))
    return tuple(answers)


def classes_of(family: Family, catalogue: Catalogue) -> tuple[Programme, ...]:
    """The programmes that are the classes of a family, in its order."""
    members = {one.access_class: one for one in catalogue.programmes.values() if one.family == family.id}
    return tuple(members[name] for name in family.classes if name in members)


def _answer(programme: Programme, match: Match, systems: list[ClassOnSystem]) -> ClassAnswer:
    findings = deciding_first(judge_programme(programme, match.workload, match.as_of))
    return ClassAnswer(
        programme,
        verdict_of(findings),
        findings,
        _next_cutoff(programme, match.as_of, systems),
        tuple(systems),
    )


def _next_cutoff(programme: Programme, as_of: datetime.date, systems: Iterable[ClassOnSystem]) -> datetime.date | None:
    """The first that any of its systems has."""
    coming = [programme.next_cutoff(as_of, one.system.id) for one in systems] or [programme.next_cutoff(as_of)]
    return min((cutoff.day for cutoff in coming if cutoff is not None), default=None)


def _on_system(judged: JudgedOffer, system: System, programme: Programme) -> ClassOnSystem:
    plan, limits = judged.plan, limits_on(programme, system)
    needed = tuple(amount_needed(limit, system, plan) if plan else None for limit in limits)
    return ClassOnSystem(system, judged.verdict, _fit(judged), limits, needed)


def _fit(judged: JudgedOffer) -> Fit:
    """What the match found about the amount, the worst first."""
    if judged.plan is None:
        return "no_plan"
    found = {_FIT_BY_FINDING.get(finding.reason.code) for finding in judged.findings}
    return next((fit for fit in _FIT_BY_FINDING.values() if fit in found), "inside")


def _advise(family: Family, classes: tuple[ClassAnswer, ...]) -> Reason:
    """The smallest class that admits the applicant and holds the need; where classes have no order, all of them.

    Among classes with open questions those that are meant for one purpose alone (tests, say) come last.
    """
    possible, unknown = (_with(verdict, classes) for verdict in ("possible", "unknown"))
    unknown = _with("unknown", [one for one in classes if not _is_limited(one)]) or unknown
    if possible and family.ordered:
        return Reason("smallest_class_fits", possible[0])
    if possible:
        return Reason("classes_fit", {"programmes": ", ".join(one["programme"] for one in possible)})
    if unknown and family.ordered:
        return Reason("smallest_class_open", unknown[0])
    if unknown:
        return Reason("classes_open", {"programmes": ", ".join(one["programme"] for one in unknown)})
    return Reason("no_class_fits", {"family": family.name})


def _is_limited(answer: ClassAnswer) -> bool:
    return any(finding.reason.code == "purpose_limited" for finding in answer.findings)


def _with(verdict: str, classes: Iterable[ClassAnswer]) -> list[dict[str, str]]:
    """Each class that has a system with this verdict, by name, with the best one of these."""
    found = []
    for one in classes:
        systems = [on_system.system.id for on_system in one.systems if on_system.verdict == verdict]
        if systems:
            name = one.programme.programme.value or one.programme.id
            found.append({"programme": name, "system": systems[0]})
    return found
