"""A match as one self-contained page: pictures and every offer with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from stellwerk import __version__
from stellwerk.broker.basis import basis_of
from stellwerk.broker.lead_on import LeadOn, LeadOnIndex
from stellwerk.broker.model import CommercialOffer, Cost, Finish, JudgedOffer, Match
from stellwerk.broker.names import detail_of, name_of, task_of
from stellwerk.broker.pictures import pictures_of
from stellwerk.catalog import Fact, Software, Support
from stellwerk.charts import figure, format_date, format_significant, page_template, render_page
from stellwerk.messages import Language, render, text
from stellwerk.units import JOULES_PER_MWH, KG_PER_T, Interval

COLUMNS = ("verdict", "gpus", "gpu_hours", "finish", "cost", "energy", "co2")


class _Lead(NamedTuple):
    """Help, a course or a software environment, in the words of its sources."""

    anchor: str
    name: str
    what: str
    cost: str
    address: str


def render_match_page(match: Match, language: Language) -> str:
    """The whole page; it makes no request to anywhere."""
    index = LeadOnIndex(match.catalogue, match.workload)
    rows = [_row(rank, judged, match, index, language) for rank, judged in enumerate(match.offers, start=1)]
    main = page_template("stellwerk.broker", "match.html.j2").render(
        figures=[figure(chart, language) for chart in pictures_of(match, language)],
        rows=rows,
        notes=[render(reason, language) for reason in basis_of(match.workload)],
        leads=_described(rows),
        columns=[text(f"page.column_{key}", language) for key in COLUMNS],
        language=language,
        say=lambda key, **params: text(f"page.{key}", language, **params),
    )
    task, counts = task_of(match.workload, language), match.counts()
    return render_page(
        title=text("page.title", language, name=match.workload.name),
        language=language,
        summary=text("page.summary", language, task=task, total=len(match.offers), **counts),
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


def _row(rank: int, judged: JudgedOffer, match: Match, index: LeadOnIndex, language: Language) -> dict[str, Any]:
    plan = judged.plan
    on_front = judged.offer.id in match.front
    owner = "commercial" if isinstance(judged.offer, CommercialOffer) else "public"
    return {
        "rank": rank,
        "id": judged.offer.id,
        "anchor": "offer-" + judged.offer.id.replace("/", "--"),
        "classes": " ".join(f"is-{word}" for word in (judged.verdict, owner, *(["front"] if on_front else []))),
        "on_front": on_front,
        "name": name_of(judged.offer),
        "detail": detail_of(judged.offer, language),
        "verdict": judged.verdict,
        "verdict_text": text(f"verdict.{judged.verdict}", language),
        "numbers": [
            _shown(Interval.exactly(plan.devices) if plan else None, language),
            _shown(plan.device_hours if plan else None, language),
            _finish(judged.finish, language),
            _cost(judged.cost, match.currency, language),
            _shown(plan.energy_j * (1 / JOULES_PER_MWH) if plan and plan.energy_j else None, language),
            _shown(judged.co2_kg * (1 / KG_PER_T) if judged.co2_kg else None, language),
        ],
        "findings": [(finding.effect, render(finding.reason, language)) for finding in judged.findings],
        "leads": [] if judged.verdict == "impossible" else _leads(index.of(judged.offer)),
    }


def _leads(found: LeadOn) -> list[tuple[str, list[_Lead]]]:
    """What an offer leads on to, under the key of its heading."""
    software = [found.software] if found.software else found.generic_software
    groups = {
        "support": [_help(support) for support in found.support],
        "courses": [_help(course) for course in found.courses],
        "software" if found.software else "generic_software": [_environment(one) for one in software],
    }
    return [(key, entries) for key, entries in groups.items() if entries]


def _described(rows: Iterable[Mapping[str, Any]]) -> list[_Lead]:
    """Each thing that an offer leads on to, once."""
    return sorted({lead for row in rows for _, entries in row["leads"] for lead in entries})


def _help(support: Support) -> _Lead:
    name = _words(support.organisation) or support.id
    return _Lead(f"support-{support.id}", name, _words(support.offer), _words(support.cost), support.url)


def _environment(software: Software) -> _Lead:
    what = "; ".join(filter(None, (_words(software.software_stack), _words(software.container_runtime))))
    name = _words(software.site_system) or software.id
    return _Lead(f"software-{software.id}", name, what, "", software.url)


def _words(fact: Fact[str]) -> str:
    """The words of a source; a star marks those that have none."""
    if fact.value is None:
        return ""
    return f"{fact.value}{'*' if fact.evidence == 'unsourced' else ''}"


def _shown(interval: Interval | None, language: Language, unit: str = "") -> tuple[str, str]:
    """The best estimate, and its bounds beneath."""
    if interval is None:
        return text("page.unknown", language), ""
    rounded = interval.rounded(3)
    best, low, high = (format_significant(value, language) for value in (rounded.best, rounded.low, rounded.high))
    return f"{best} {unit}".strip(), "" if interval.low == interval.high else f"{low}–{high}"


def _finish(finish: Finish | None, language: Language) -> tuple[str, str]:
    """The day, and beneath it what it does not count."""
    if finish is None:
        return text("page.unknown", language), ""
    day = format_date(finish.day, language)
    if not finish.unknown:
        return day, ""
    parts = ", ".join(text(f"part.{name}", language) for name in finish.unknown)
    return text("page.at_the_earliest", language, day=day), text("page.not_counted", language, parts=parts)


def _cost(cost: Cost | None, currency: str, language: Language) -> tuple[str, str]:
    if cost is None:
        return text("page.unknown", language), ""
    if cost.converted is None:
        return _shown(cost.amount, language, cost.currency)
    best, bounds = _shown(cost.converted, language, currency)
    if cost.currency == currency or cost.amount.high == 0:
        return best, bounds
    return best, f"{bounds} ({_shown(cost.amount, language, cost.currency)[0]})"
