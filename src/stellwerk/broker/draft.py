"""The technical part of an application to a programme, in the fields that it asks for (docs/application-drafts.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stellwerk.broker.draft_sentences import FIELD_SENTENCES, DraftGround, facts_behind
from stellwerk.broker.grants import limits_on
from stellwerk.broker.lead_on import LeadOnIndex
from stellwerk.broker.model import Finding, JudgedOffer, Match, PublicOffer
from stellwerk.broker.plans import options_by_machine
from stellwerk.catalog import AmountLimit, ApplicationField, Fact, Programme, System
from stellwerk.errors import InputError, did_you_mean
from stellwerk.messages import Reason
from stellwerk.workload import Serving

TECHNICAL: tuple[ApplicationField, ...] = (
    *("abstract", "flop", "gpus_per_job", "gpu_hours", "duration", "scalability", "memory", "storage", "hardware"),
    *("software", "data"),
)
"""What a draft says in any case: what the programme does not ask for stands after the rest."""


@dataclass(frozen=True, slots=True)
class DraftField:
    """One field; without sentences it is open: the applicant has to write it."""

    field: ApplicationField
    sentences: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ApplicationDraft:
    """The draft for one system of a programme.

    ``asked`` are the fields that the programme asks for, None where no source says which; ``further`` are those that
    nobody asked for. ``to_clear`` are the findings that leave open, or rule out, that the application is admitted.
    ``facts`` are those of the catalogue that it rests on, by name, and ``limits`` the amounts.
    """

    programme: Programme
    system: System
    judged: JudgedOffer
    asked: tuple[DraftField, ...] | None
    further: tuple[DraftField, ...]
    to_clear: tuple[Finding, ...]
    facts: Mapping[str, Fact[Any]]
    limits: tuple[AmountLimit, ...]

    @property
    def open_fields(self) -> tuple[ApplicationField, ...]:
        return tuple(one.field for one in (*(self.asked or ()), *self.further) if not one.sentences)


def draft_application(match: Match, wanted: str) -> ApplicationDraft:
    """The draft for a programme, on the system that the match ranks first, or for one offer (``system/programme``).

    Raises InputError where there is no such programme or offer, or where no system is known to be reached by it.
    """
    judged, system, programme = _first(match, wanted)
    ground = _ground(match, judged, system, programme)
    asked = programme.application_fields.value
    further = tuple(field for field in TECHNICAL if field not in (asked or ()))
    return ApplicationDraft(
        programme,
        system,
        judged,
        None if asked is None else tuple(_field(field, ground) for field in asked),
        tuple(_field(field, ground) for field in further),
        tuple(finding for finding in judged.findings if finding.effect != "note"),
        facts_behind(ground),
        limits_on(programme, system),
    )


def _first(match: Match, wanted: str) -> tuple[JudgedOffer, System, Programme]:
    """The best offer with that id or of that programme; one with a plan before one without."""
    public = [
        (judged, judged.offer.system, judged.offer.programme)
        for judged in match.offers
        if isinstance(judged.offer, PublicOffer) and judged.offer.programme
    ]
    found = [one for one in public if wanted in (one[0].offer.id, one[2].id)]
    if found:
        return next((one for one in found if one[0].plan is not None), found[0])
    if wanted in match.catalogue.programmes:
        raise InputError("leads to no system, as far as any source says", key="--draft", value=wanted)
    known = [*match.catalogue.programmes, *(judged.offer.id for judged, _, _ in public)]
    raise InputError(f"no such programme{did_you_mean(wanted, known)}", key="--draft", value=wanted)


def _ground(match: Match, judged: JudgedOffer, system: System, programme: Programme) -> DraftGround:
    leads = LeadOnIndex(match.catalogue, match.workload).of(judged.offer)
    scaling = tuple(_scaling(match, judged))
    return DraftGround(match.workload, system, programme, judged, leads.software, scaling)


def _scaling(match: Match, judged: JudgedOffer) -> Iterator[tuple[int, float]]:
    """(Devices, predicted seconds of the run) for the fastest layouts on about half, the same and twice as many
    devices as the plan, and so on, as far as the machine and the batch allow."""
    plan = judged.plan
    if plan is None or isinstance(match.workload.task, Serving):
        return
    found = options_by_machine(match.workload, [plan.machine])[plan.machine].candidates
    times = dict(zip(map(int, found.devices), map(float, found.duration_s), strict=True))
    for power in range(-2, 3):
        aim = plan.devices * 2.0**power
        near = min(times, key=lambda devices: abs(math.log(devices / aim)), default=None)
        if near is not None and abs(math.log2(near / aim)) < 0.4:
            yield near, times[near]


def _field(field: ApplicationField, ground: DraftGround) -> DraftField:
    sentences = FIELD_SENTENCES.get(field)
    return DraftField(field, tuple(sentences(ground)) if sentences else ())
