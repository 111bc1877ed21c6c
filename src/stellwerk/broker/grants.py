"""Whether a programme grants as much, and as little, as a plan needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from stellwerk.broker.bounds import AtLeast, AtMost, Bound, Estimates, FloatArray, IntArray, Params
from stellwerk.broker.model import Finding
from stellwerk.broker.plans import Options
from stellwerk.catalog import AmountLimit, Programme, System, charge_per_node_hour, charges_whole_nodes
from stellwerk.messages import Reason, Words
from stellwerk.planner import Plan, ServingPlan
from stellwerk.units import SECONDS_PER_DAY, Interval

_PERIOD_DAYS = {"quarter": 91.0, "year": 365.0}
EVERYWHERE = Words("the whole programme", "das ganze Programm")
UNIT_NAMES = {"gpu_h": "GPU-h", "node_h": "node-h", "core_h": "core-h", "flop": "FLOP"}


def grant_bounds(programme: Programme, system: System, options: Options) -> Iterator[Bound]:
    """The limits of a programme on a system that can be compared with a plan's need."""
    for limit in limits_on(programme, system):
        factor = per_node_hour(limit, system)
        if factor is not None:
            counted = _counted_for_each(options.devices, system, options.machine.devices_per_node)
            yield from _amount_bounds(limit, factor * counted, options)


def grant_time_bounds(programme: Programme, options: Options) -> Iterator[Bound]:
    """How long a grant lasts at most."""
    longest_days = programme.duration_max_days.value
    if longest_days is None:
        return
    duration = Estimates.spread(options.duration_s, options.duration_spread)

    def params(index: int) -> Params:
        return {"days": duration.at(index).best / SECONDS_PER_DAY, "limit_days": longest_days}

    yield AtMost(
        duration,
        longest_days * SECONDS_PER_DAY,
        Reason("grant_too_short"),
        Reason("grant_may_be_too_short"),
        Reason("grant_tight"),
        params,
    )


def judge_comparability(programme: Programme, system: System) -> Iterator[Finding]:
    """What limits say that cannot be compared: it leaves the answer open, and no stated limit is noted as such."""
    limits = limits_on(programme, system)
    if any(per_node_hour(limit, system) is not None for limit in limits):
        return
    stated = programme.amount_max.value or programme.amount_min.value
    if limits or stated:
        text = stated or ", ".join(UNIT_NAMES.get(limit.unit, limit.unit) for limit in limits)
        yield Finding("unknown", Reason("amount_not_comparable", {"programme": programme.id, "text": text}))
    else:
        yield Finding("note", Reason("amount_limit_unknown", {"programme": programme.id}))


def limits_on(programme: Programme, system: System) -> tuple[AmountLimit, ...]:
    """Those that hold for a system: stated for it, or for the whole programme."""
    return tuple(
        limit for limit in programme.limits if system.id in limit.system_ids or not (limit.system_ids or limit.scope)
    )


def amount_needed(limit: AmountLimit, system: System, plan: Plan | ServingPlan) -> Interval | None:
    """What a plan needs of a limit, in its unit and within its period; None where its unit cannot be compared."""
    factor = per_node_hour(limit, system)
    if factor is None:
        return None
    share = min(1.0, _period_s(limit) / plan.duration_s.best)
    counted = float(_counted_for_each(plan.devices, system, plan.machine.devices_per_node))
    return plan.device_hours * (share * factor * counted / plan.machine.devices_per_node)


def per_node_hour(limit: AmountLimit, system: System) -> float | None:
    """What one hour of a node takes of a limit, in its unit; None where no fact says so.

    GPU-hours of programmes count modules, as they are sold, not the devices that a scheduler sees in them.
    """
    charged = charge_per_node_hour(system, limit.unit)
    if charged is not None:
        return charged
    if limit.unit == "node_h":
        return 1.0
    if limit.unit == "gpu_h":
        return float(system.accelerators_per_node.value or 1)
    return None


def _counted_for_each(devices: IntArray | int, system: System, devices_per_node: int) -> FloatArray | float:
    """How many devices are charged for each that is used: more than one where only whole nodes are charged."""
    if not charges_whole_nodes(system):
        return 1.0
    return np.ceil(devices / devices_per_node) * devices_per_node / devices


def _amount_bounds(limit: AmountLimit, per_node_hour: FloatArray | float, options: Options) -> Iterator[Bound]:
    factor = per_node_hour / options.machine.devices_per_node
    share = np.minimum(1.0, _period_s(limit) / options.duration_s)
    amounts = Estimates.spread(
        options.device_hours * share * factor,
        options.duration_spread.times(options.devices_spread),
    )

    def params_with(bound: float) -> Callable[[int], Params]:
        said: Params = {"unit": UNIT_NAMES[limit.unit], "scope": limit.scope or EVERYWHERE, "limit": bound}
        return lambda index: {**amounts.at(index).as_dict(), **said}

    if limit.maximum is not None:
        yield AtMost(
            amounts,
            limit.maximum,
            Reason("amount_above_maximum"),
            Reason("amount_may_exceed_maximum"),
            Reason("amount_near_maximum"),
            params_with(limit.maximum),
        )
    if limit.minimum is not None:
        most = float((options.most_device_hours * factor).max(initial=0.0)) * options.duration_spread.high
        yield AtLeast(
            amounts,
            limit.minimum,
            most,
            Reason("amount_below_minimum"),
            Reason("amount_alone_below_minimum"),
            Reason("amount_may_miss_minimum"),
            Reason("amount_near_minimum"),
            params_with(limit.minimum),
        )


def _period_s(limit: AmountLimit) -> float:
    """A limit per quarter or year meets only the part of a long run that falls into one."""
    return _PERIOD_DAYS.get(limit.per, math.inf) * SECONDS_PER_DAY
