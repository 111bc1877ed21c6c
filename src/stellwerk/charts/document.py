"""A picture as a file of its own: the drawings one below the other, with their tables."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from stellwerk.charts.model import Chart
from stellwerk.charts.page import style_sheet
from stellwerk.charts.svg import SMALL_FONT_SIZE, element, text, text_width

_WIDTH = 760.0
_MARGIN = 24.0
_TITLE = 30.0
_ROW = 19.0
_GAP = 26.0


def svg_document(charts: Sequence[Chart]) -> str:
    """One SVG file with its style sheet inline: each chart under its title, and beneath all the table of each.

    A table with the header of the one before goes on as the same. Texts in a table stay on one line.
    """
    parts: list[str] = []
    y = _MARGIN
    for chart in charts:
        height = _height(chart)
        parts.append(text(chart.title, _MARGIN, y + _TITLE / 2 - 4, "label panel-title"))
        y += _TITLE
        opening, rest = str(chart.svg).replace(' class="chart-drawing"', "", 1).split(">", 1)
        placed = f'{opening} x="{_MARGIN:g}" y="{y:g}" width="{_WIDTH:g}" height="{height:g}">{rest}'
        parts.append(Markup(placed))  # noqa: S704
        y += height + _GAP
    for chart in {chart.rows: chart for chart in charts}.values():
        table, height = _table(chart, y)
        parts.append(table)
        y += height + _GAP
    width = _WIDTH + 2 * _MARGIN
    body = "".join(parts)
    # As a document of its own the drawing has no page around it that sets the width.
    style = f"{style_sheet()}svg.chart-drawing {{ min-width: 0; max-width: none; }}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {y:g}" width="{width:g}" height="{y:g}" '
        f'class="chart-drawing"><style><![CDATA[{style}]]></style>'
        f'<rect width="{width:g}" height="{y:g}" class="paper"/>{body}</svg>\n'
    )


def _height(chart: Chart) -> float:
    view = str(chart.svg).split('viewBox="', 1)[1].split('"', 1)[0]
    return float(view.split()[3])


def _table(chart: Chart, top: float) -> tuple[Markup, float]:
    lines = [chart.header, *chart.rows]
    widths = [max(text_width(line[column], SMALL_FONT_SIZE) for line in lines) for column in range(len(chart.header))]
    room = (_WIDTH - sum(widths)) / max(len(widths) - 1, 1)
    shapes: list[Markup] = []
    for number, line in enumerate(lines):
        y = top + number * _ROW + _ROW / 2
        x = _MARGIN
        for column, (cell, width) in enumerate(zip(line, widths, strict=True)):
            anchor, place = ("start", x) if column == 0 else ("end", x + width)
            shapes.append(text(cell, place, y, "axis-title" if number == 0 else "cell", anchor))
            x += width + room
        shapes.append(element("line", x1=_MARGIN, y1=y + _ROW / 2, x2=_MARGIN + _WIDTH, y2=y + _ROW / 2, class_="grid"))
    return Markup("").join(shapes), len(lines) * _ROW
