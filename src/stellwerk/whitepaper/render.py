"""From an edition to a page in one language: one template for all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple, get_args

from markupsafe import Markup

from stellwerk.charts import (
    Bar,
    Chart,
    Language,
    Link,
    figure,
    format_date,
    horizontal_bars,
    page_template,
    render_page,
    stacked_bars,
)
from stellwerk.whitepaper.chapters.contradictions import contradictions
from stellwerk.whitepaper.model import BarChart, Edition, Figure, Table
from stellwerk.whitepaper.show import Shower
from stellwerk.whitepaper.words import Words

LANGUAGES: tuple[Language, ...] = get_args(Language)

SECTIONS = (
    "about",
    "capacities",
    "access",
    "offers",
    "assistance",
    "needs",
    "unknowns",
    "contradictions",
    "comments",
    "evidence",
    "sources",
)

# Opens the folded parts around the place that a link leads to, for browsers that do not do it themselves.
_SCRIPT = (
    "function reveal(){"
    "var place=document.getElementById(decodeURIComponent(location.hash.slice(1)));"
    "if(!place)return;"
    "for(var part=place.closest('details');part;part=part.parentElement.closest('details'))part.open=true;"
    "place.scrollIntoView()}"
    "addEventListener('hashchange',reveal);reveal()"
)


class EvidenceGroup(NamedTuple):
    """The figures of one entry of the catalogue; those computed from several entries have no entry."""

    entry_id: str
    figures: tuple[Figure, ...]


def render_edition(edition: Edition, language: Language) -> str:
    """The whole report in one language as a self-contained page."""
    words = Words(language)
    shower = Shower(edition, words)
    hard, wording = contradictions(edition.figures)
    main = page_template("stellwerk.whitepaper", "edition.html.j2").render(
        edition=edition,
        chapters=edition.chapters,
        words=words,
        t=words.text,
        phrase=words.phrase,
        show=shower,
        figure=shower.figure,
        amount=shower.amount,
        as_of=format_date(edition.as_of, language),
        day=lambda date: format_date(date, language),
        chart=lambda chart: figure(_chart(chart, edition, words, shower), language),
        contradictions=hard,
        wordings=wording,
        evidence=_evidence_by_kind(edition),
        column_classes=lambda table: _column_classes(table, edition),
    )
    return render_page(
        title=words.text("page.title"),
        language=language,
        summary=words.text("page.summary", as_of=format_date(edition.as_of, language)),
        main=Markup(main),  # noqa: S704 - rendered with escaping
        footer=words.text("page.footer", version=edition.version, hash=edition.catalogue_hash[:12]),
        contents=[Link(f"#{name}", words.text(f"{name}.heading")) for name in SECTIONS],
        other_languages={other: f"../{other}/index.html" for other in LANGUAGES if other != language},
        script=_SCRIPT,
    )


def render_front_page(edition: Edition) -> str:
    """The page that leads to the report in each language, for those who open the folder."""
    entries = []
    for language in LANGUAGES:
        words = Words(language)
        entries.append(
            Markup('<li lang="{0}"><a href="{0}/index.html" hreflang="{0}">{1}</a><br>{2}</li>').format(
                language,
                words.text("page.title"),
                words.text("page.summary", as_of=format_date(edition.as_of, language)),
            )
        )
    first = Words(LANGUAGES[0])
    return render_page(
        title=first.text("page.title"),
        language=LANGUAGES[0],
        summary=first.text("page.summary", as_of=format_date(edition.as_of, LANGUAGES[0])),
        main=Markup("<ul>{}</ul>").format(Markup("").join(entries)),
    )


def _chart(chart: BarChart, edition: Edition, words: Words, shower: Shower) -> Chart:
    """The picture of a chart; the cells of its table lead to the claims."""
    bars = [
        Bar(words.phrase(row.label).unescape(), tuple(edition.figures[key].value for key in row.figure_ids))  # type: ignore[misc]
        for row in chart.rows
    ]
    series = [words.phrase(name).unescape() for name in chart.series]
    title, description, unit = (words.phrase(text).unescape() for text in (chart.title, chart.description, chart.unit))
    if len(series) == 1:
        drawn = horizontal_bars(chart.id, title, description, bars, series, language=words.language, unit=unit)
    else:
        drawn = stacked_bars(
            chart.id, title, description, bars, series, language=words.language, unit=unit, looks=chart.looks
        )
    rows = tuple(
        (cells[0], *(shower.figure(key) for key in row.figure_ids), *cells[1 + len(row.figure_ids) :])
        for row, cells in zip(chart.rows, drawn.rows, strict=True)
    )
    return dataclasses.replace(drawn, rows=rows)


def _column_classes(table: Table, edition: Edition) -> list[str]:
    """How each column of figures is set: numbers to the right, prices with room for their unit."""
    forms: dict[int, set[str]] = {}
    for row in table.rows:
        for column, ids in enumerate(row.cells):
            forms.setdefault(column, set()).update(edition.figures[key].form for key in ids)
    return [_column_class(table, forms.get(column, set())) for column in range(len(table.columns) - 1)]


def _column_class(table: Table, forms: set[str]) -> str:
    if table.bare or (forms and forms <= {"number", "gigabytes"}):
        return "number"
    return "price" if "price" in forms else ""


def _evidence_by_kind(edition: Edition) -> Mapping[str, tuple[EvidenceGroup, ...]]:
    """All figures by kind of entry and entry, the computed ones first."""
    by_entry: dict[str, list[Figure]] = {}
    for item in edition.figures.values():
        by_entry.setdefault(item.entry_id, []).append(item)
    kinds: dict[str, list[EvidenceGroup]] = {"computed": []}
    for entry_id, items in by_entry.items():
        kind = edition.entries[entry_id].kind if entry_id else "computed"
        kinds.setdefault(kind, []).append(EvidenceGroup(entry_id, tuple(items)))
    return {kind: tuple(groups) for kind, groups in kinds.items()}
