"""The technical part of an application to a programme, in the fields that it asks for (docs/application-drafts.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stellwerk.broker.access import judge_programme
from stellwerk.broker.draft.choice import Chosen, choose_offer
from stellwerk.broker.draft.fields import facts_behind, parts_of
from stellwerk.broker.draft.hours import amounts
from stellwerk.broker.draft.parts import DraftGround, Open, Part
from stellwerk.broker.draft.scaling import plans_around
from stellwerk.broker.lead_on import LeadOnIndex
from stellwerk.broker.model import CommercialOffer, Finding, JudgedOffer, Match, deciding_first
from stellwerk.catalog import AmountLimit, ApplicationField, Fact, Programme, System
from stellwerk.messages import Reason

TECHNICAL: tuple[ApplicationField, ...] = (
    *("abstract", "flop", "gpus_per_job", "gpu_hours", "duration", "scalability", "memory", "storage", "hardware"),
    *("software", "data"),
)
"""What a draft says in any case: what the programme does not ask for stands after the rest."""
MOST_INSTEAD = 3
"""Offers named in the place of one that is ruled out."""


@dataclass(frozen=True, slots=True)
class DraftField:
    """One field; what it leaves to the applicant stands among its parts."""

    field: ApplicationField
    parts: tuple[Part, ...]

    @property
    def open_points(self) -> tuple[Reason, ...]:
        return tuple(part.reason for part in self.parts if isinstance(part, Open))


@dataclass(frozen=True, slots=True)
class ApplicationDraft:
    """The draft for one system of a programme; ``system`` and ``judged`` are None where no source names a system.

    ``asked`` are the fields that the programme asks for, None where no source says which; ``further`` are those that
    nobody asked for. ``findings`` are those that rule out, or leave open, that the application is admitted.
    ``other_offers`` are the other systems of the programme, and ``instead`` what nothing stands against where this
    application is ruled out, both in the order of the match. ``facts`` are those of the catalogue that it rests on, by
    name, and ``limits`` the amounts.
    """

    programme: Programme
    system: System | None
    judged: JudgedOffer | None
    asked: tuple[DraftField, ...] | None
    further: tuple[DraftField, ...]
    findings: tuple[Finding, ...]
    other_offers: tuple[JudgedOffer, ...]
    instead: tuple[JudgedOffer, ...]
    facts: Mapping[str, Fact[Any]]
    limits: tuple[AmountLimit, ...]

    @property
    def fields(self) -> tuple[DraftField, ...]:
        return (*(self.asked or ()), *self.further)

    @property
    def ruled_out(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.effect == "impossible")

    @property
    def to_clear(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.effect == "unknown")


def draft_application(match: Match, wanted: str) -> ApplicationDraft:
    """The draft for a programme, on the system that the match ranks first, or for one offer (``system/programme``).

    Raises InputError where ``wanted`` is nothing that one applies to, and says what to name or to do instead.
    """
    chosen = choose_offer(match, wanted)
    ground = _ground(match, chosen)
    asked = chosen.programme.application_fields.value
    further = tuple(field for field in TECHNICAL if field not in (asked or ()))
    findings = deciding_first(_findings(match, chosen))
    return ApplicationDraft(
        programme=chosen.programme,
        system=chosen.system,
        judged=chosen.judged,
        asked=None if asked is None else tuple(DraftField(field, parts_of(field, ground)) for field in asked),
        further=tuple(DraftField(field, parts_of(field, ground)) for field in further),
        findings=findings,
        other_offers=chosen.others,
        instead=_instead(match) if findings and findings[0].effect == "impossible" else (),
        facts=facts_behind(ground, match.catalogue),
        limits=tuple(limit for limit, _ in amounts(ground)),
    )


def _ground(match: Match, chosen: Chosen) -> DraftGround:
    judged = chosen.judged
    plan = None if judged is None else judged.plan
    software = None if judged is None else LeadOnIndex(match.catalogue, match.workload).of(judged.offer).software
    scaling = plans_around(match.workload, plan)
    return DraftGround(match.workload, chosen.programme, chosen.system, plan, software, scaling)


def _findings(match: Match, chosen: Chosen) -> Iterator[Finding]:
    """Those of the offer; without a system, what holds for the programme on any."""
    if chosen.judged is not None:
        found = iter(chosen.judged.findings)
    else:
        found = _findings_without_a_system(match, chosen.programme)
    yield from (finding for finding in found if finding.effect != "note")


def _findings_without_a_system(match: Match, programme: Programme) -> Iterator[Finding]:
    yield from judge_programme(programme, match.workload, match.as_of)
    systems = programme.systems.value or "–"
    yield Finding("unknown", Reason("draft_system_unknown", {"programme": programme.id, "text": systems}))


def _instead(match: Match) -> tuple[JudgedOffer, ...]:
    """The first possible offers of different programmes and products."""
    by_way: dict[str, JudgedOffer] = {}
    for judged in match.offers:
        if judged.verdict == "possible":
            offer = judged.offer
            programme = None if isinstance(offer, CommercialOffer) else offer.programme
            by_way.setdefault(offer.id if programme is None else programme.id, judged)
    return tuple(by_way.values())[:MOST_INSTEAD]
