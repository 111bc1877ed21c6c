"""The pictures of a match: when it is done against what it costs, what fills the memory, what takes the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stellwerk.broker.model import CommercialOffer, JudgedOffer, Match
from stellwerk.broker.names import name_of
from stellwerk.charts import Bar, Chart, Point, format_significant, scatter, stacked_bars
from stellwerk.messages import Language, text
from stellwerk.planner import Plan, ServingPlan
from stellwerk.units import SECONDS_PER_DAY

BARS = 8
"""Offers whose memory and step time are drawn: the best ones on different hardware."""

STEP_GROUPS: Mapping[str, tuple[str, ...]] = {
    "matrix_products": ("matrix_products",),
    "attention": ("attention",),
    "memory_bound": ("memory_bound",),
    "recomputation": ("recomputation",),
    "communication": (
        "tensor_parallel",
        "context_parallel",
        "expert_parallel",
        "pipeline_transfer",
        "data_parallel",
    ),
    "pipeline_bubble": ("pipeline_bubble",),
    "optimizer": ("optimizer",),
    "overhead": ("overhead",),
}
"""Parts of a step as they are drawn: more than eight cannot be told apart."""


def pictures_of(match: Match, language: Language) -> list[Chart]:
    """Those that there are numbers for."""
    charts = (_finish_against_cost(match, language), _memory(match, language), _step_time(match, language))
    return [chart for chart in charts if chart is not None]


def _finish_against_cost(match: Match, language: Language) -> Chart | None:
    """Offers that are not ruled out and whose time and cost are known; those without an exchange rate are left out."""
    points: dict[tuple[object, ...], Point] = {}  # several ways to one machine make one point, the best one's
    for judged in match.offers:
        if judged.verdict == "impossible" or judged.finish is None or judged.cost is None or not judged.cost.converted:
            continue
        days = judged.finish.known_s * (1 / SECONDS_PER_DAY)
        point = Point(name_of(judged.offer), days, judged.cost.converted, _group(judged, match, language))
        points.setdefault((point.label, days, judged.cost.converted), point)
    if not points:
        return None
    return scatter(
        "finish-against-cost",
        text("page.finish_cost_title", language),
        text("page.finish_cost_description", language),
        list(points.values()),
        sorted({point.group for point in points.values()}),
        language=language,
        x_label=text("page.days_axis", language),
        y_label=text("page.cost_axis", language, currency=match.currency),
    )


def _memory(match: Match, language: Language) -> Chart | None:
    """Memory of the fullest device, by part, under its capacity."""
    plans = _best_on_different_hardware(match)
    if not plans:
        return None
    parts = list(dict.fromkeys(part for plan in plans for part in plan.memory_parts_bytes))
    bars = [
        Bar(
            _label(plan, language),
            tuple(plan.memory_parts_bytes.get(part, 0.0) / 1e9 for part in parts),
            plan.machine.memory_bytes / 1e9,
        )
        for plan in plans
    ]
    return stacked_bars(
        "memory-by-part",
        text("page.memory_title", language),
        text("page.memory_description", language),
        bars,
        [text(f"memory.{part}", language) for part in parts],
        language=language,
        unit="GB",
        limit_name=text("page.memory_limit", language),
    )


def _step_time(match: Match, language: Language) -> Chart | None:
    """What one step of a training spends its time on."""
    plans = [plan for plan in _best_on_different_hardware(match) if isinstance(plan, Plan)]
    if not plans:
        return None
    bars = [
        Bar(
            _label(plan, language),
            tuple(sum(plan.step_parts_s[part] for part in parts) for parts in STEP_GROUPS.values()),
        )
        for plan in plans
    ]
    return stacked_bars(
        "step-time-by-part",
        text("page.step_title", language),
        text("page.step_description", language),
        bars,
        [text(f"step.{group}", language) for group in STEP_GROUPS],
        language=language,
        unit="s",
        decimals=2,
    )


def _best_on_different_hardware(match: Match) -> Sequence[Plan | ServingPlan]:
    plans: dict[tuple[str, float, int], Plan | ServingPlan] = {}
    for judged in match.offers:
        plan = judged.plan
        if plan is not None and judged.verdict != "impossible" and len(plans) < BARS:
            plans.setdefault((plan.machine.name, plan.machine.memory_bytes, plan.devices), plan)
    return list(plans.values())


def _label(plan: Plan | ServingPlan, language: Language) -> str:
    capacity = format_significant(plan.machine.memory_bytes / 1e9, language)
    return f"{plan.machine.name} · {plan.devices} × {capacity} GB"


def _group(judged: JudgedOffer, match: Match, language: Language) -> str:
    owner = "commercial" if isinstance(judged.offer, CommercialOffer) else "public"
    group = text(f"page.{owner}_{judged.verdict}", language)
    return f"{group}, {text('page.on_front', language)}" if judged.offer.id in match.front else group
