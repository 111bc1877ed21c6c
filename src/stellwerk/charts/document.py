"""Charts as an SVG file: the pictures one below the other, and beneath them the tables of their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from stellwerk.charts.model import Chart
from stellwerk.charts.page import style_sheet
from stellwerk.charts.rows import WIDTH
from stellwerk.charts.svg import FONT_SIZE, element, text_width, wrap
from stellwerk.charts.words import Language, word

_LINE = 20.0
_RULE = 6.0
_COLUMN_GAP = 18.0
_MARGIN = 12.0
_GAP = 26.0


def svg_document(charts: Sequence[Chart], language: Language) -> str:
    """The whole file. It asks for nothing from elsewhere and follows the reader's light or dark setting.

    Each picture is one image with a name and a description. Each table beneath can be read row by row, and stands once,
    however many pictures share it.
    """
    parts: list[Markup] = []
    y = reached = 0.0
    for chart in charts:
        width, height = _size(chart)
        for line in wrap(chart.title, WIDTH * 0.9, lines=3):
            parts.append(_text(line, 0.0, y + FONT_SIZE, "panel-title"))
            y += _LINE
        y += 8
        parts.append(_picture(chart, y))
        y += height + _GAP
        reached = max(reached, width)
    for chart in {(chart.header, chart.rows): chart for chart in charts}.values():
        columns = _column_ends(chart)
        parts += _table(chart, columns, y, language)
        y += (len(chart.rows) + 1) * _LINE + _RULE + _GAP
        reached = max(reached, columns[-1])
    width, height = reached + 2 * _MARGIN, y + _MARGIN
    # As a document of its own the drawing has no page around it that sets the width.
    style = f"{style_sheet()}svg.chart-drawing {{ min-width: 0; max-width: none; }}"
    drawing = element(
        "svg",
        element("style", Markup(f"<![CDATA[{style}]]>")),  # noqa: S704 - a file of this package
        element("rect", x=-_MARGIN, y=-_MARGIN, width=width, height=height, class_="paper"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        lang=language,
        viewBox=f"{-_MARGIN:g} {-_MARGIN:g} {width:g} {height:g}",
        width=width,
        height=height,
        class_="chart-drawing",
    )
    return f"{drawing}\n"


def _size(chart: Chart) -> tuple[float, float]:
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', str(chart.svg).split(">", 1)[0])
    if found is None:
        raise ValueError(f"{chart.id}: a drawing without a size")
    return float(found[1]), float(found[2])


def _picture(chart: Chart, top: float) -> Markup:
    return element(
        "g",
        Markup(str(chart.svg).split(">", 1)[1].removesuffix("</svg>")),  # noqa: S704 - the drawing of a chart
        role="img",
        aria_labelledby=f"{chart.id}-title",
        aria_describedby=f"{chart.id}-desc",
        transform=f"translate(0 {top:g})",
    )


def _column_ends(chart: Chart) -> list[float]:
    """Where each column ends; the first begins at 0."""
    widths = [max(text_width(row[place]) for row in (chart.header, *chart.rows)) for place in range(len(chart.header))]
    ends = [widths[0]]
    for width in widths[1:]:
        ends.append(ends[-1] + _COLUMN_GAP + width)
    return ends


def _table(chart: Chart, columns: Sequence[float], top: float, language: Language) -> Iterator[Markup]:
    caption = word("table", language)
    yield _text(caption, 0.0, top, "panel-title")
    y = top + _LINE
    rows = [_row(chart.header, columns, y, "columnheader", "columnheader")]
    rule = element("line", x1=0.0, y1=y + _RULE, x2=columns[-1], y2=y + _RULE, class_="axis", aria_hidden="true")
    y += _RULE
    for row in chart.rows:
        y += _LINE
        rows.append(_row(row, columns, y, "rowheader", "cell"))
    yield element("g", *rows, rule, role="table", aria_label=f"{chart.title}: {caption}")


def _row(cells: Sequence[str], columns: Sequence[float], y: float, first_role: str, role: str) -> Markup:
    class_ = "panel-title" if role == "columnheader" else "label"
    first = _text(cells[0], 0.0, y, class_, role=first_role)
    others = [
        _text(cell, end, y, class_, role=role, text_anchor="end")
        for cell, end in zip(cells[1:], columns[1:], strict=True)
    ]
    return element("g", first, *others, role="row")


def _text(content: str, x: float, baseline: float, class_: str, **attributes: str) -> Markup:
    return element("text", content, x=x, y=baseline, class_=class_, **attributes)
