"""Why a plan takes as long as it does, and why it won."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from stellwerk import __version__
from stellwerk.broker.model import CommercialOffer, Offer
from stellwerk.broker.serialise import SCHEMA, plan_as_dict
from stellwerk.charts import format_duration
from stellwerk.messages import Language, Reason, Words, render, text
from stellwerk.planner import (
    Alternative,
    Plan,
    WaterfallTerm,
    nearest_alternatives,
    pareto_front,
    search,
    waterfall,
)
from stellwerk.planner.estimate import MODEL_VERSION
from stellwerk.units import JOULES_PER_KWH, SECONDS_PER_DAY, SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload


class InstanceRate(NamedTuple):
    """What an hour of one whole instance costs on demand, by the list."""

    amount: float
    currency: str
    devices_per_instance: int

    def cost(self, plan: Plan) -> Interval:
        instances = -(-plan.devices // self.devices_per_instance)
        return plan.duration_s * (self.amount * instances / SECONDS_PER_HOUR)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan of a training with the way of its step from the ideal to the prediction (``terms``), the plans that no
    other beats in duration, devices, device-hours, energy and cost (``front``, fewest devices first), and the nearest
    alternatives on as many devices. ``rate`` is None where no price on demand is known."""

    workload: Workload
    plan: Plan
    terms: tuple[WaterfallTerm, ...]
    front: tuple[Plan, ...]
    alternatives: tuple[Alternative, ...]
    rate: InstanceRate | None


def explain(workload: Workload, plan: Plan, rate: InstanceRate | None = None) -> Explanation:
    """Work out what explains a plan; every layout of its machine is looked at."""
    return Explanation(
        workload=workload,
        plan=plan,
        terms=waterfall(workload, plan),
        front=pareto_front(search(workload, plan.machine)),
        alternatives=nearest_alternatives(workload, plan),
        rate=rate,
    )


def instance_rate(offer: Offer, plan: Plan, as_of: datetime.date) -> InstanceRate | None:
    """The list price on demand of what a plan runs on; None where none is known, or access is granted, not bought."""
    if not isinstance(offer, CommercialOffer):
        return None
    price = offer.product.price_at(as_of)
    if price is None or price.currency is None or price.unit == "month":
        return None
    modules = offer.product.accelerators.value or 1
    amount = float(price.amount) * (modules if price.unit == "gpu_h" else 1)
    return InstanceRate(amount, price.currency, plan.machine.devices_per_node)


def alternative_reason(one: Alternative, chosen: Plan) -> Reason:
    """What an alternative loses, as a sentence."""
    params: dict[str, str | int | float | Words] = {
        "choice": _words(f"layout_choice.{one.choice}"),
        "value": _value(one.plan, one.choice),
        "chosen": _value(chosen, one.choice),
        "percent": abs(100 * one.time_loss),
    }
    if not one.fits:
        params["gb"] = one.memory_over_bytes / 1e9
        if one.time_loss < 0:
            return Reason("alternative_too_large_and_faster", params)
        return Reason("alternative_too_large_and_slower", params)
    if one.grown_part is None or one.time_loss < 0:
        return Reason("alternative_no_slower", params)
    grown = Words(en=format_duration(one.grown_s, "en"), de=format_duration(one.grown_s, "de"))
    params |= {"part": _words(f"step.{one.grown_part}"), "grown": grown}
    return Reason("alternative_slower", params)


def explanation_as_dict(
    explanation: Explanation, as_of: datetime.date, catalogue_sha256: str, language: Language
) -> dict[str, Any]:
    """The whole explanation as plain data; unknown numbers are left out."""
    return {
        "schema": SCHEMA,
        "stellwerk": __version__,
        "planner_model": MODEL_VERSION,
        "as_of": as_of.isoformat(),
        "catalogue_sha256": catalogue_sha256,
        "workload": explanation.workload.name,
        "machine": explanation.plan.machine.name,
        "plan": plan_as_dict(explanation.plan),
        "waterfall": [
            {**asdict(term), "page": term.page, "text": text(f"step.{term.name}", language)}
            for term in explanation.terms
        ],
    } | reasons_for_plan(explanation, language)


def reasons_for_plan(explanation: Explanation, language: Language) -> dict[str, Any]:
    """Why a plan won: ``front`` and ``alternatives`` as plain data."""
    return {
        "front": [_front_as_dict(plan, explanation) for plan in explanation.front],
        "alternatives": list(_alternatives_as_dicts(explanation, language)),
    }


def _front_as_dict(plan: Plan, explanation: Explanation) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "chosen": plan.layout == explanation.plan.layout,
        "gpus": plan.devices,
        "days": (plan.duration_s * (1 / SECONDS_PER_DAY)).as_dict(),
        "gpu_hours": plan.device_hours.as_dict(),
        "mfu": plan.mfu.as_dict(),
        "layout": asdict(plan.layout),
    }
    if plan.energy_j is not None:
        entry["energy_kwh"] = (plan.energy_j * (1 / JOULES_PER_KWH)).as_dict()
    if explanation.rate is not None:
        entry["cost"] = explanation.rate.cost(plan).as_dict() | {"currency": explanation.rate.currency}
    return entry


def _alternatives_as_dicts(explanation: Explanation, language: Language) -> Iterable[dict[str, Any]]:
    for one in explanation.alternatives:
        reason = alternative_reason(one, explanation.plan)
        yield {
            "choice": one.choice,
            "layout": asdict(one.plan.layout),
            "fits": one.fits,
            "time_loss": one.time_loss,
            "memory_over_bytes": one.memory_over_bytes,
            "grown_part": one.grown_part,
            "grown_s": one.grown_s,
            "step_time_s": one.plan.step_time_s.as_dict(),
            "memory_parts_bytes": dict(one.plan.memory_parts_bytes),
            "reason": reason.as_dict() | {"text": render(reason, language)},
        }


def _value(plan: Plan, choice: str) -> int | Words:
    value = getattr(plan.layout, choice)
    if isinstance(value, bool):
        return _words(f"layout_value.{'on' if value else 'off'}")
    return _words(f"layout_value.{value}") if isinstance(value, str) else int(value)


def _words(key: str) -> Words:
    return Words(en=text(key, "en"), de=text(key, "de"))
