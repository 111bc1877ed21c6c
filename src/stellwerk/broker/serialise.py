"""A match as plain data for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from stellwerk import __version__
from stellwerk.broker.basis import basis_of
from stellwerk.broker.classes import ClassAnswer, ClassOnSystem, FamilyAnswer
from stellwerk.broker.lead_on import LeadOn, LeadOnIndex
from stellwerk.broker.model import CommercialOffer, Cost, Finding, Finish, JudgedOffer, Match
from stellwerk.messages import Language, Reason, render
from stellwerk.planner import Plan, ServingPlan
from stellwerk.planner.estimate import MODEL_VERSION
from stellwerk.units import JOULES_PER_KWH, SECONDS_PER_DAY, Interval

SCHEMA = 1


def match_as_dict(match: Match, language: Language) -> dict[str, Any]:
    """The whole match. Unknown numbers are left out, never written as zero; each known one is an interval
    ``{low, best, high}``."""
    index = LeadOnIndex(match.catalogue, match.workload)
    return _head(match, language) | {
        "counts": dict(match.counts()),
        "currency": match.currency,
        "offers": [
            _offer_as_dict(rank, judged, match, index, language) for rank, judged in enumerate(match.offers, start=1)
        ],
    }


def classes_as_dict(match: Match, families: Iterable[FamilyAnswer], language: Language) -> dict[str, Any]:
    """The classes of access found from a match. Amounts that are not known are null."""
    return _head(match, language) | {"families": [_family_as_dict(family, language) for family in families]}


def _head(match: Match, language: Language) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "stellwerk": __version__,
        "planner_model": MODEL_VERSION,
        "as_of": match.as_of.isoformat(),
        "catalogue_sha256": match.catalogue.hash,
        "workload": match.workload.name,
        "basis": [_reason(reason, language) for reason in basis_of(match.workload)],
    }


def _offer_as_dict(
    rank: int, judged: JudgedOffer, match: Match, index: LeadOnIndex, language: Language
) -> dict[str, Any]:
    entry: dict[str, Any] = {"rank": rank, "id": judged.offer.id} | _names(judged)
    entry |= {
        "verdict": judged.verdict,
        "completeness": judged.completeness,
        "on_front": judged.offer.id in match.front,
        "reasons": _reasons(judged.findings, language),
    }
    if judged.verdict != "impossible":
        entry["leads_on"] = _lead_on_as_dict(index.of(judged.offer))
    return entry | _numbers(judged)


def _lead_on_as_dict(found: LeadOn) -> dict[str, Any]:
    return {
        "support": [support.id for support in found.support],
        "courses": [course.id for course in found.courses],
        "software": found.software.id if found.software else None,
        "generic_software": [software.id for software in found.generic_software],
    }


def _reasons(findings: Iterable[Finding], language: Language) -> list[dict[str, Any]]:
    return [{"effect": finding.effect, **_reason(finding.reason, language)} for finding in findings]


def _reason(reason: Reason, language: Language) -> dict[str, Any]:
    return reason.as_dict() | {"text": render(reason, language)}


def _family_as_dict(answer: FamilyAnswer, language: Language) -> dict[str, Any]:
    return {
        "family": answer.family.id,
        "name": answer.family.name[language],
        "ordered": answer.family.ordered,
        "advice": _reason(answer.advice, language),
        "classes": [_class_as_dict(one, language) for one in answer.classes],
    }


def _class_as_dict(answer: ClassAnswer, language: Language) -> dict[str, Any]:
    return {
        "class": answer.programme.access_class,
        "programme": answer.programme.id,
        "verdict": answer.verdict,
        "reasons": _reasons(answer.findings, language),
        "next_cutoff": answer.next_cutoff.isoformat() if answer.next_cutoff else None,
        "systems": [_on_system_as_dict(one) for one in answer.systems],
    }


def _on_system_as_dict(one: ClassOnSystem) -> dict[str, Any]:
    limits = [
        {
            "unit": limit.unit,
            "minimum": limit.minimum,
            "maximum": limit.maximum,
            "per": limit.per,
            "scope": limit.scope,
            "needed": needed.as_dict() if needed else None,
        }
        for limit, needed in zip(one.limits, one.needed, strict=True)
    ]
    return {"system": one.system.id, "verdict": one.verdict, "fit": one.fit, "limits": limits}


def _names(judged: JudgedOffer) -> dict[str, Any]:
    offer = judged.offer
    if isinstance(offer, CommercialOffer):
        return {
            "programme": None,
            "provider": offer.product.id,
            "provider_name": offer.product.provider,
            "term": offer.price.term_id if offer.price else None,
        }
    return {"programme": offer.programme.id if offer.programme else None, "system": offer.system.id}


def plan_as_dict(plan: Plan | ServingPlan) -> dict[str, Any]:
    """A plan: numbers with their intervals, the layout or the replicas, and every part of memory and step time.

    A bound that is infinite is None.
    """
    if isinstance(plan, ServingPlan):
        return _serving_plan_as_dict(plan)
    energy = {} if plan.energy_j is None else {"energy_kwh": (plan.energy_j * (1 / JOULES_PER_KWH)).as_dict()}
    return energy | {
        "gpus": Interval.exactly(plan.layout.devices).as_dict(),
        "gpu_hours": plan.device_hours.as_dict(),
        "days": (plan.duration_s * (1 / SECONDS_PER_DAY)).as_dict(),
        "tokens_per_s": plan.tokens_per_s.as_dict(),
        "step_time_s": plan.step_time_s.as_dict(),
        "mfu": plan.mfu.as_dict(),
        "layout": asdict(plan.layout),
        "memory_parts_bytes": dict(plan.memory_parts_bytes),
        "step_parts_s": dict(plan.step_parts_s),
    }


def _serving_plan_as_dict(plan: ServingPlan) -> dict[str, Any]:
    quantities = {
        "gpus": plan.devices_needed,
        "gpu_hours": plan.device_hours,
        "days": plan.duration_s * (1 / SECONDS_PER_DAY),
        "tokens_per_s": plan.tokens_per_s,
        "time_per_token_s": plan.time_per_token_s,
        "first_token_s": plan.first_token_s,
    }
    if plan.energy_j is not None:
        quantities["energy_kwh"] = plan.energy_j * (1 / JOULES_PER_KWH)
    replicas = {"tensor": plan.tensor, "replicas": plan.replicas, "batch": plan.batch}
    return {name: _finite(interval) for name, interval in quantities.items()} | {
        "serving": replicas,
        "memory_parts_bytes": dict(plan.memory_parts_bytes),
    }


def _finite(interval: Interval) -> dict[str, float | None]:
    return {name: bound if math.isfinite(bound) else None for name, bound in interval.as_dict().items()}


def _numbers(judged: JudgedOffer) -> dict[str, Any]:
    numbers = plan_as_dict(judged.plan) if judged.plan else {}
    if judged.cost is not None:
        numbers["cost"] = _cost_as_dict(judged.cost)
    if judged.finish is not None:
        numbers["finish"] = _finish_as_dict(judged.finish)
    if judged.co2_kg is not None:
        numbers["co2_kg"] = _finite(judged.co2_kg)
    return numbers


def _cost_as_dict(cost: Cost) -> dict[str, Any]:
    converted = {} if cost.converted is None else {"converted": _finite(cost.converted)}
    return _finite(cost.amount) | {"currency": cost.currency, "net": cost.net} | converted


def _finish_as_dict(finish: Finish) -> dict[str, Any]:
    """``day`` is the earliest one where parts are unknown."""
    known = {
        part.name: (part.duration_s * (1 / SECONDS_PER_DAY)).as_dict()
        for part in finish.parts
        if part.duration_s is not None
    }
    return {"day": finish.day.isoformat(), "known_days": known, "unknown": list(finish.unknown)}
