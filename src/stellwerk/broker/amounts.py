"""Whether the amount of computing time fits the programme, and what it costs the applicant."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator

from stellwerk.broker.model import Cost, Finding
from stellwerk.catalog import AmountLimit, Product, Programme, System
from stellwerk.messages import Reason
from stellwerk.planner import Plan
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Interval, Money

SECONDS_PER_MONTH = 30 * SECONDS_PER_DAY
_PERIOD_DAYS = {"quarter": 91.0, "year": 365.0}
OLD_PRICE_DAYS = 180
"""An older list price is still used, and marked."""


def judge_amount(programme: Programme, system: System, plan: Plan) -> Iterator[Finding]:
    """Whether the programme grants as much, and as little, as the plan needs on the system.

    Limits in GPU-hours and node-hours are compared; others, and limits that the facts state only in words, leave the
    answer open. A programme without any stated limit is noted as such.
    """
    limits = limits_on(programme, system)
    comparable = [limit for limit in limits if limit.unit in ("gpu_h", "node_h")]
    for limit in comparable:
        yield from _compare(limit, plan, system.accelerators_per_node.value or 1)
    if not comparable:
        stated = programme.amount_max.value or programme.amount_min.value
        if limits or stated:
            text = stated or ", ".join(limit.unit for limit in limits)
            yield Finding("unknown", Reason("amount_not_comparable", {"programme": programme.id, "text": text}))
        else:
            yield Finding("note", Reason("amount_limit_unknown", {"programme": programme.id}))
    longest_days = programme.duration_max_days.value
    if longest_days is not None and plan.duration_s.low > longest_days * SECONDS_PER_DAY:
        params = {"days": plan.duration_s.best / SECONDS_PER_DAY, "limit_days": longest_days}
        yield Finding("impossible", Reason("grant_too_short", params))


def limits_on(programme: Programme, system: System) -> tuple[AmountLimit, ...]:
    """The limits of a programme that hold on one system."""
    return tuple(
        limit for limit in programme.limits if system.id in limit.system_ids or not (limit.system_ids or limit.scope)
    )


def amount_needed(limit: AmountLimit, plan: Plan, modules_per_node: int) -> Interval | None:
    """What a plan needs of a limit, in its unit and within its period; None for a unit that is not compared.

    GPU-hours of programmes count modules, as they are sold, not the devices that a scheduler sees in them. A limit
    per quarter or year meets only the part of a long run that falls into one.
    """
    period_s = _PERIOD_DAYS.get(limit.per, math.inf) * SECONDS_PER_DAY
    share = min(1.0, period_s / plan.duration_s.best)
    node_hours = plan.device_hours * (share / plan.machine.devices_per_node)
    if limit.unit == "node_h":
        return node_hours
    return node_hours * modules_per_node if limit.unit == "gpu_h" else None


def public_cost(programme: Programme) -> tuple[Cost | None, list[Finding]]:
    """Zero where the programme says that it is free for those it admits; otherwise unknown."""
    if programme.free:
        unsourced = programme.cost.evidence == "unsourced"
        findings = [Finding("note", Reason("cost_unsourced", {"programme": programme.id}))] if unsourced else []
        return Cost(Interval.exactly(0.0), "EUR", net=None), findings
    if programme.free is False:
        return None, [Finding("unknown", Reason("price_unknown"))]
    return None, [Finding("note", Reason("cost_unknown", {"programme": programme.id}))]


def commercial_cost(product: Product, plan: Plan | None, as_of: datetime.date) -> tuple[Cost | None, list[Finding]]:
    """The list price valid on ``as_of`` times the plan's hours; monthly rent counts whole months per instance."""
    price = product.price_at(as_of, "on_demand") or product.price_at(as_of, "monthly")
    if price is None:
        return None, [Finding("unknown", Reason("price_unknown"))]
    if price.currency is None:
        return None, [Finding("unknown", Reason("currency_unknown"))]
    if plan is None:
        return None, []
    per_instance = plan.machine.devices_per_node
    instances = -(-plan.layout.devices // per_instance)
    rate = float(price.amount) * instances
    if price.unit == "gpu_h":
        rate *= product.accelerators.value or 1
    findings = []
    if price.valid_until is None and price.source.as_of_date is not None:
        age_days = (as_of - price.source.as_of_date).days
        if age_days > OLD_PRICE_DAYS:
            findings.append(Finding("note", Reason("price_old", {"as_of": price.source.as_of})))
    if price.unit == "month":
        return Cost(_in_whole_months(plan.duration_s) * rate, price.currency, price.net), findings
    return Cost(plan.duration_s * (rate / SECONDS_PER_HOUR), price.currency, price.net), findings


def judge_budget(cost: Cost | None, budget: Money | None) -> Iterator[Finding]:
    """Whether the cost stays within the budget; open where cost or exchange rate is unknown."""
    if budget is None or cost is None:
        return
    if cost.amount.high == 0:
        return
    if cost.currency != budget.currency:
        currencies = {"currency": cost.currency, "budget_currency": budget.currency}
        yield Finding("unknown", Reason("no_exchange_rate", currencies))
        return
    limit = float(budget.amount)
    params: dict[str, str | int | float] = {"cost": cost.amount.best, "budget": limit, "currency": budget.currency}
    if cost.amount.low > limit:
        yield Finding("impossible", Reason("over_budget", params))
    elif cost.amount.best > limit:
        yield Finding("unknown", Reason("budget_within_uncertainty", params))
    elif cost.amount.high > limit:
        yield Finding("note", Reason("budget_tight", params))


def _compare(limit: AmountLimit, plan: Plan, modules_per_node: int) -> Iterator[Finding]:
    hours = amount_needed(limit, plan, modules_per_node)
    if hours is None:
        return
    unit = "node-h" if limit.unit == "node_h" else "GPU-h"
    params: dict[str, str | int | float] = {"amount": hours.best, "unit": unit, "scope": limit.scope or "–"}
    if limit.maximum is not None:
        above = params | {"limit": limit.maximum}
        if hours.low > limit.maximum:
            yield Finding("impossible", Reason("amount_above_maximum", above))
        elif hours.high > limit.maximum:
            yield Finding("unknown", Reason("amount_may_exceed_maximum", above))
    if limit.minimum is not None:
        below = params | {"limit": limit.minimum}
        if hours.high < limit.minimum:
            yield Finding("impossible", Reason("amount_below_minimum", below))
        elif hours.low < limit.minimum:
            yield Finding("unknown", Reason("amount_may_miss_minimum", below))


def _in_whole_months(duration_s: Interval) -> Interval:
    low, best, high = (
        math.ceil(seconds / SECONDS_PER_MONTH) for seconds in (duration_s.low, duration_s.best, duration_s.high)
    )
    return Interval(low, best, high)
