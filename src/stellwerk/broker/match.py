"""Judge every offer for one workload, and rank them."""

from __future__ import annotations

import datetime
from functools import cache, partial

from stellwerk.broker.access import judge_location, judge_public_access
from stellwerk.broker.amounts import commercial_cost, judge_amount, judge_budget, public_cost
from stellwerk.broker.capability import hardware_of, judge_hardware
from stellwerk.broker.model import (
    CommercialOffer,
    Cost,
    Finding,
    JudgedOffer,
    Match,
    Offer,
    Verdict,
    deciding_first,
    verdict_of,
)
from stellwerk.broker.offers import offers_of
from stellwerk.catalog import Catalogue
from stellwerk.errors import InputError
from stellwerk.planner import Candidates, Machine, Plan, search
from stellwerk.workload import Workload

DEFAULT_CURRENCY = "EUR"
"""In which offers are ranked first when the workload names no budget."""

_VERDICT_ORDER: dict[Verdict, int] = {"possible": 0, "unknown": 1, "impossible": 2}


def match(workload: Workload, catalogue: Catalogue, as_of: datetime.date) -> Match:
    """Judge all offers of the catalogue for the workload on the day ``as_of``; best first.

    An offer is ``impossible`` if one finding rules it out, otherwise ``unknown`` if one leaves it open, otherwise
    ``possible``. Within a verdict, offers with fewer open questions come first, then the cheaper ones: free of
    charge, in the currency of the budget, in other currencies, of unknown cost.

    Raises InputError where the deadline is not after ``as_of``.
    """

    limit_s = _time_limit_s(workload, as_of)

    @cache  # offers with the same hardware share one search
    def search_once(machine: Machine) -> Candidates:
        return search(workload, machine)

    judged = []
    for offer in offers_of(catalogue):
        hardware = hardware_of(offer, catalogue)
        plan, findings = judge_hardware(offer, hardware, limit_s, search_once)
        if isinstance(offer, CommercialOffer):
            cost, cost_findings = commercial_cost(offer.product, plan, as_of)
            findings += [*judge_location(offer), *cost_findings]
        else:
            findings = [*judge_public_access(offer, workload, as_of), *findings]
            cost, cost_findings = public_cost(offer.programme) if offer.programme else (None, [])
            findings += cost_findings
            if offer.programme and plan:
                findings += judge_amount(offer.programme, offer.system, plan)
        findings += judge_budget(cost, workload.limits.budget)
        judged.append(JudgedOffer(offer, verdict_of(findings), deciding_first(findings), plan, cost))
    budget = workload.limits.budget
    own_currency = budget.currency if budget else DEFAULT_CURRENCY
    ranked = sorted(judged, key=lambda one: _rank(one, own_currency))
    return Match(workload, as_of, catalogue, tuple(ranked))


def plan_on(
    workload: Workload, offer: Offer, catalogue: Catalogue, as_of: datetime.date
) -> tuple[Plan | None, list[Finding]]:
    """The plan for the workload on one offer's hardware, or None, and the findings; who may use it is not asked.

    Raises InputError where the deadline is not after ``as_of``.
    """
    hardware = hardware_of(offer, catalogue)
    return judge_hardware(offer, hardware, _time_limit_s(workload, as_of), partial(search, workload))


def _time_limit_s(workload: Workload, as_of: datetime.date) -> float | None:
    """The shorter one of the longest duration and the time left until the deadline; None without either.

    Waiting times are not known, so all of the time until the deadline counts as time to compute.
    """
    limits = workload.limits
    if limits.deadline is None:
        return limits.duration_s
    begin = datetime.datetime.combine(as_of, datetime.time(), limits.deadline.tzinfo)
    left_s = limits.deadline.timestamp() - begin.timestamp()
    if left_s <= 0:
        raise InputError(
            "has passed", key="limits.deadline", value=limits.deadline.isoformat(), allowed=f"a moment after {as_of}"
        )
    return left_s if limits.duration_s is None else min(left_s, limits.duration_s)


def _rank(judged: JudgedOffer, own_currency: str) -> tuple[int, int, tuple[int, str, float], float, str]:
    return (
        _VERDICT_ORDER[judged.verdict],
        judged.open_questions,
        _cost_order(judged.cost, own_currency),
        judged.plan.duration_s.best if judged.plan else float("inf"),
        judged.offer.id,
    )


def _cost_order(cost: Cost | None, own_currency: str) -> tuple[int, str, float]:
    """Free of charge, then the applicant's currency, then each other one for itself, then unknown: amounts in
    different currencies are not compared."""
    if cost is None:
        return (3, "", 0.0)
    if cost.amount.high == 0:
        return (0, "", 0.0)
    return (1 if cost.currency == own_currency else 2, cost.currency, cost.amount.best)
