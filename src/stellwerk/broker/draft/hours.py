"""GPU-hours and duration of a draft, with the margin of uncertainty and the amounts of the programme."""

from __future__ import annotations

import math
from collections.abc import Iterator

from stellwerk.broker.draft.parts import DraftGround, Note, Open, Part, Values, bounds, estimate, figures, spans
from stellwerk.broker.finish import jobs_of
from stellwerk.broker.grants import EVERYWHERE, amount_needed, limits_on
from stellwerk.catalog import AmountLimit, charges_whole_nodes
from stellwerk.messages import Reason, Words, text
from stellwerk.planner import ServingPlan
from stellwerk.units import SECONDS_PER_DAY, Interval

EXA = 1e18
"""Programmes that count FLOP count them in EFLOP."""
FAR_BELOW = 0.01
"""Of the largest amount: who needs less than this share of it may be better off in a smaller class."""


def gpu_hours(ground: DraftGround) -> Iterator[Part]:
    plan, system = ground.plan, ground.system
    if plan is None or system is None:
        return
    hours = plan.device_hours * ground.gpus_per_device
    if hours.low == hours.high:
        yield Reason("draft_gpu_hours_of_a_service", {"hours": figures(hours.best)})
    elif math.isinf(hours.high):
        yield Reason("draft_gpu_hours_without_end", bounds(hours))
    else:
        yield Reason("draft_gpu_hours", bounds(hours))
    in_whole_nodes = math.ceil(plan.devices / plan.machine.devices_per_node) * plan.machine.devices_per_node
    if charges_whole_nodes(system) and in_whole_nodes > plan.devices:
        yield Reason("draft_whole_nodes", {"hours": estimate(hours * (in_whole_nodes / plan.devices))})
    compared = amounts(ground)
    for limit, needed in compared:
        yield from _amount(limit, needed, hours)
    above = any(limit.maximum is not None and needed.high > limit.maximum for limit, needed in compared)
    if hours.low < hours.high < math.inf and not above:
        yield Note(Reason("draft_upper_bound"))
    serving = isinstance(plan, ServingPlan)
    yield Open(Reason("draft_open_hours_to_set_up") if serving else Reason("draft_open_further_hours"))


def duration(ground: DraftGround) -> Iterator[Part]:
    plan = ground.plan
    if plan is None:
        return
    if isinstance(plan, ServingPlan):
        yield Reason("draft_service_days", {"days": plan.duration_s.best / SECONDS_PER_DAY})
        return
    yield Reason("draft_duration", spans(plan.duration_s))
    hours = None if ground.system is None else ground.system.max_walltime_h.value
    jobs = jobs_of(plan, hours)
    if hours is not None and jobs is not None and jobs > 1:
        yield Reason("draft_jobs", {"jobs": jobs, "hours": hours})


def amounts(ground: DraftGround) -> tuple[tuple[AmountLimit, Interval], ...]:
    """The limits of the programme that can be compared with the plan, each with the need in its unit and period."""
    plan, system = ground.plan, ground.system
    if plan is None or system is None:
        return ()
    needs = ((limit, amount_needed(limit, system, plan)) for limit in limits_on(ground.programme, system))
    return tuple((limit, needed) for limit, needed in needs if needed is not None)


def _amount(limit: AmountLimit, needed: Interval, hours: Interval) -> Iterator[Part]:
    scale = EXA if limit.unit == "flop" else 1.0
    held: Values = {"amount_unit": limit.unit, "where": _where_it_holds(limit)}
    if limit.unit != "gpu_h" or needed != hours:
        yield Reason("draft_amount", held | {"amount": estimate(needed * (1 / scale))})
    if limit.minimum is not None:
        yield Note(Reason("draft_amount_minimum", held | {"amount": limit.minimum / scale}))
    if limit.maximum is not None:
        yield Note(Reason("draft_amount_maximum", held | {"amount": limit.maximum / scale}))
        if needed.high > limit.maximum:
            yield Note(Reason("draft_above_maximum"))
        elif needed.high < FAR_BELOW * limit.maximum:
            yield Note(Reason("draft_far_below_maximum", {"percent": figures(100 * FAR_BELOW)}))


def _where_it_holds(limit: AmountLimit) -> Words:
    """``NHR@ZIB, per quarter``"""
    if not limit.per:
        return Words(limit.scope, limit.scope) if limit.scope else EVERYWHERE
    shown = [", ".join(filter(None, (limit.scope, text(f"per.{limit.per}", language)))) for language in ("en", "de")]
    return Words(*shown)
