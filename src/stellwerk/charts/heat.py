"""A heat map: a number for each pair of two groupings, such as job size and run time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from markupsafe import Markup

from stellwerk.charts.model import Chart
from stellwerk.charts.svg import FONT_SIZE, SMALL_FONT_SIZE, drawing, element, shorten, text, text_width
from stellwerk.charts.words import Language, word

SHADES = 7
"""Shades of the style sheet, from pale to strong."""

_WIDTH = 760.0
_CELL_HEIGHT = 30.0
_LABELS_AT_MOST = 170.0
_LEGEND_ROW = 24.0
_SWATCH = 16.0
_AXIS = 50.0


def heat_map(
    chart_id: str,
    title: str,
    description: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    language: Language,
    bounds: Sequence[float],
    show: Callable[[float], str],
    row_label: str,
    column_label: str,
) -> Chart:
    """A cell per row and column, shaded by its value and with the value written in it.

    ``values[row][column]`` is None where there is nothing: the cell stays empty. ``bounds`` (ascending, at most six)
    are the largest values of all shades but the last; two maps of the same bounds can be compared. ``show`` formats
    a value. Rows are drawn from the bottom up. Raises ValueError for values of another shape and too many bounds.
    """
    if len(values) != len(rows) or any(len(row) != len(columns) for row in values):
        raise ValueError(f"the values are no table of {len(rows)} rows and {len(columns)} columns")
    if len(bounds) >= SHADES or list(bounds) != sorted(bounds):
        raise ValueError(f"{list(bounds)} are not at most {SHADES - 1} ascending bounds")
    key, top = _legend(bounds, show)
    top += 24  # room for the upright axis' label
    left = min(max((text_width(row, SMALL_FONT_SIZE) for row in rows), default=0.0), _LABELS_AT_MOST) + 14
    cell_width = (_WIDTH - left - 2) / max(len(columns), 1)
    bottom = top + _CELL_HEIGHT * len(rows)
    parts: list[Markup] = [key, text(row_label, 0, top - 14, "axis-title")]
    for number, (row, row_values) in enumerate(zip(rows, values, strict=True)):
        y = bottom - (number + 1) * _CELL_HEIGHT
        parts.append(text(shorten(row, left - 12, SMALL_FONT_SIZE), left - 8, y + _CELL_HEIGHT / 2, "tick", "end"))
        for place, value in enumerate(row_values):
            if value is not None:
                parts += _cell(value, left + place * cell_width, y, cell_width, bisect_left(bounds, value), show)
    for place, column in enumerate(columns):
        x = left + (place + 0.5) * cell_width
        parts.append(text(shorten(column, cell_width - 4, SMALL_FONT_SIZE), x, bottom + 14, "tick", "middle"))
    parts.append(text(column_label, _WIDTH - 2, bottom + 35, "axis-title", "end"))
    svg = drawing(chart_id, title, description, width=_WIDTH, height=bottom + _AXIS, body=parts)
    table = tuple(
        (row, *("–" if value is None else show(value) for value in row_values))
        for row, row_values in zip(rows, values, strict=True)
    )
    return Chart(chart_id, title, description, svg, (row_label, *columns), table, word("empty_cells", language))


def _cell(
    value: float, x: float, y: float, width: float, shade: int, show: Callable[[float], str]
) -> tuple[Markup, Markup]:
    box = element("rect", x=x + 1, y=y + 1, width=width - 2, height=_CELL_HEIGHT - 2, class_=f"heat heat-{shade}")
    label = shorten(show(value), width - 4, SMALL_FONT_SIZE)
    return box, text(label, x + width / 2, y + _CELL_HEIGHT / 2, f"heat-value on-heat-{shade}", "middle")


def _legend(bounds: Sequence[float], show: Callable[[float], str]) -> tuple[Markup, float]:
    """A swatch per shade with the largest value that it stands for."""
    names = [f"≤ {show(bound)}" if bound else show(bound) for bound in bounds] + (
        [f"> {show(bounds[-1])}"] if bounds else []
    )
    parts: list[Markup] = []
    x, y = 0.0, _LEGEND_ROW / 2
    for shade, name in enumerate(names):
        needed = _SWATCH + 7 + text_width(name)
        if x and x + needed > _WIDTH:
            x, y = 0.0, y + _LEGEND_ROW
        parts.append(
            element("rect", x=x, y=y - _SWATCH / 2, width=_SWATCH, height=_SWATCH, class_=f"heat heat-{shade}")
        )
        parts.append(text(name, x + _SWATCH + 7, y, "label"))
        x += needed + 16
    return Markup("").join(parts), y + _LEGEND_ROW / 2 + FONT_SIZE / 2
