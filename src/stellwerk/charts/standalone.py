"""A chart as an SVG file of its own: the picture, and beneath it the table of its numbers."""

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


def standalone(chart: Chart, language: Language) -> str:
    """The whole file. It asks for nothing from elsewhere and follows the reader's light or dark setting.

    The picture is one image with a name and a description; the table beneath it can be read row by row.
    """
    opening, rest = str(chart.svg).split(">", 1)
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', opening)
    if found is None:
        raise ValueError(f"{chart.id}: a drawing without a size")
    width, height = float(found[1]), float(found[2])
    heading = [_text(line, 0.0, FONT_SIZE + place * _LINE, "panel-title") for place, line in enumerate(_title(chart))]
    picture_top = len(heading) * _LINE + 8
    picture = element(
        "g",
        Markup(rest.removesuffix("</svg>")),  # noqa: S704 - the drawing of a chart
        role="img",
        aria_labelledby=f"{chart.id}-title",
        aria_describedby=f"{chart.id}-desc",
        transform=f"translate(0 {picture_top:g})",
    )
    table_top = picture_top + height + _LINE
    columns = _column_ends(chart)
    rows = list(_table(chart, columns, table_top, language))
    total_width = max(width, columns[-1]) + 2 * _MARGIN
    total_height = table_top + (len(chart.rows) + 1) * _LINE + _RULE + 2 * _MARGIN
    drawing = element(
        "svg",
        element("style", Markup(f"<![CDATA[{style_sheet()}]]>")),  # noqa: S704 - a file of this package
        *heading,
        picture,
        *rows,
        xmlns="http://www.w3.org/2000/svg",
        lang=language,
        viewBox=f"{-_MARGIN:g} {-_MARGIN:g} {total_width:g} {total_height:g}",
        class_="chart-drawing",
    )
    return f"{drawing}\n"


def _title(chart: Chart) -> tuple[str, ...]:
    return wrap(chart.title, WIDTH * 0.9, lines=3)


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
