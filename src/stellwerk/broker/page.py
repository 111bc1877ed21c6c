"""A match as one self-contained page: two pictures and every offer with its reasons."""

from __future__ import annotations

from markupsafe import Markup

from stellwerk import __version__
from stellwerk.broker.model import CommercialOffer, JudgedOffer, Match
from stellwerk.charts import (
    Bar,
    Chart,
    Point,
    figure,
    format_date,
    format_significant,
    page_template,
    render_page,
    scatter,
    stacked_bars,
)
from stellwerk.messages import Language, count_text, render, text
from stellwerk.planner import MEMORY_PARTS
from stellwerk.units import JOULES_PER_MWH, SECONDS_PER_DAY, Interval
from stellwerk.workload import count_parameters

MEMORY_BARS = 8
"""Offers whose memory is drawn: the best ones on different hardware."""


def render_match_page(match: Match, language: Language) -> str:
    """The whole page; it makes no request to anywhere."""
    pictures = [chart for chart in (_time_against_cost(match, language), _memory_by_part(match, language)) if chart]
    main = page_template("stellwerk.broker", "match.html.j2").render(
        match=match,
        figures=[figure(chart, language) for chart in pictures],
        rows=[_row(rank, judged, language) for rank, judged in enumerate(match.offers, start=1)],
        columns=[
            _capitalised(text(f"match.{key}", language))
            for key in ("offer", "verdict", "gpus", "gpu_hours", "days", "cost", "energy")
        ],
        say=lambda key, **params: text(f"page.{key}", language, **params),
    )
    workload = match.workload
    return render_page(
        title=text("page.title", language, name=workload.name),
        language=language,
        summary=text(
            "page.summary",
            language,
            parameters=count_text(count_parameters(workload.architecture).total, language),
            tokens=count_text(workload.training.tokens, language),
            total=len(match.offers),
            **match.counts(),
        ),
        main=Markup(main),  # noqa: S704 - rendered by an escaping template
        footer=Markup("<p>{}</p>").format(
            text(
                "page.footer",
                language,
                version=__version__,
                as_of=format_date(match.as_of, language),
                hash=match.catalogue.hash[:12],
            )
        ),
    )


def _time_against_cost(match: Match, language: Language) -> Chart | None:
    """Offers that are not ruled out and whose time and cost are known; amounts stay in their own currency."""
    points: dict[tuple[object, ...], Point] = {}  # several programmes to one machine make one point, the best one's
    for judged in match.offers:
        if judged.verdict == "impossible" or judged.plan is None or judged.cost is None:
            continue
        days = judged.plan.duration_s * (1 / SECONDS_PER_DAY)
        point = Point(_name(judged), days, judged.cost.amount, _group(judged, language))
        points.setdefault((_name(judged), days), point)
    if not points:
        return None
    return scatter(
        "time-against-cost",
        text("page.time_cost_title", language),
        text("page.time_cost_description", language),
        list(points.values()),
        list(dict.fromkeys(point.group for point in points.values())),
        language=language,
        x_label=text("page.days_axis", language),
        y_label=text("page.cost_axis", language),
    )


def _memory_by_part(match: Match, language: Language) -> Chart | None:
    """The best offers on different hardware: memory of the fullest device, by part, under its capacity."""
    bars: dict[tuple[object, object], Bar] = {}
    for judged in match.offers:
        plan = judged.plan
        if plan is None or judged.verdict == "impossible" or len(bars) == MEMORY_BARS:
            continue
        layout, capacity = plan.layout, format_significant(plan.machine.memory_bytes / 1e9, language)
        label = f"{plan.machine.name} · {layout.devices} × {capacity} GB"
        values = tuple(plan.memory_parts_bytes[part] / 1e9 for part in MEMORY_PARTS)
        bars.setdefault((plan.machine.name, layout), Bar(label, values, plan.machine.memory_bytes / 1e9))
    if not bars:
        return None
    return stacked_bars(
        "memory-by-part",
        text("page.memory_title", language),
        text("page.memory_description", language),
        list(bars.values()),
        [text(f"memory.{part}", language) for part in MEMORY_PARTS],
        language=language,
        unit="GB",
        limit_name=text("page.memory_limit", language),
    )


def _row(rank: int, judged: JudgedOffer, language: Language) -> dict[str, object]:
    plan, cost = judged.plan, judged.cost
    unknown = text("page.unknown", language)

    def shown(interval: Interval | None, unit: str = "") -> tuple[str, str]:
        """The best estimate, and its bounds beneath."""
        if interval is None:
            return unknown, ""
        best, low, high = (
            format_significant(value, language)
            for value in (interval.rounded(3).best, interval.rounded(3).low, interval.rounded(3).high)
        )
        return f"{best} {unit}".strip(), "" if interval.low == interval.high else f"{low}–{high}"

    return {
        "rank": rank,
        "id": judged.offer.id,
        "anchor": "offer-" + judged.offer.id.replace("/", "--"),
        "name": _name(judged),
        "detail": _detail(judged),
        "verdict": judged.verdict,
        "verdict_text": text(f"verdict.{judged.verdict}", language),
        "numbers": [
            shown(Interval.exactly(plan.layout.devices) if plan else None),
            shown(plan.device_hours if plan else None),
            shown(plan.duration_s * (1 / SECONDS_PER_DAY) if plan else None),
            shown(cost.amount, cost.currency) if cost else (unknown, ""),
            shown(plan.energy_j * (1 / JOULES_PER_MWH) if plan and plan.energy_j else None),
        ],
        "findings": [(finding.effect, render(finding.reason, language)) for finding in judged.findings],
    }


def _capitalised(heading: str) -> str:
    return heading[:1].upper() + heading[1:]


def _name(judged: JudgedOffer) -> str:
    offer = judged.offer
    if isinstance(offer, CommercialOffer):
        return f"{offer.product.provider} {offer.product.instance_type.value or ''}".strip()
    system, partition = offer.system.system.value or offer.system.id, offer.system.partition.value
    return f"{system} ({partition})" if partition else system


def _detail(judged: JudgedOffer) -> str:
    offer = judged.offer
    if isinstance(offer, CommercialOffer):
        return ", ".join(part for part in (offer.product.accelerator.value, offer.product.region.value) if part)
    programme = offer.programme.programme.value if offer.programme else None
    return ", ".join(part for part in (offer.system.operator.value, programme) if part)


def _group(judged: JudgedOffer, language: Language) -> str:
    if not isinstance(judged.offer, CommercialOffer):
        return text(f"page.public_{judged.verdict}", language)
    currency = judged.cost.currency if judged.cost else ""
    return text(f"page.commercial_{judged.verdict}", language, currency=currency)
