"""Lines that hold each value until the next one: a queue over time, a distribution of waits."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, Protocol

from markupsafe import Markup

from stellwerk.charts.durations import duration_ticks, format_duration
from stellwerk.charts.formats import format_number
from stellwerk.charts.model import Chart
from stellwerk.charts.scale import LogScale
from stellwerk.charts.series import choose_series, legend, marker
from stellwerk.charts.svg import SMALL_FONT_SIZE, drawing, element, shorten, text, text_width
from stellwerk.charts.ticks import decimals_of, linear_ticks
from stellwerk.charts.words import Language, word

_WIDTH = 760.0
_COLUMN_GAP = 26.0
_HEIGHTS = (300.0, 170.0)
"""Height of the plot where it stands alone, and where several stand side by side."""
_AXIS = 52.0
_PANEL_TITLE = 26.0
_Y_LABEL = 26.0
_ZERO_LANE = 58.0
_MARGIN_RIGHT = 14.0
_MARKERS = 5
_FIRST_S = (0, 1, 60, 3_600, 86_400)
"""Marks that keep their label where room is short."""

AxisKind = Literal["number", "share", "duration"]


@dataclass(frozen=True, slots=True)
class Line:
    """One series: from ``x[i]`` on it holds ``y[i]``, until the next x; nothing is drawn before the first.

    Both are of one length, x does not decrease. The last value holds until ``end``, not before the last x, or to the
    right border.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot of a drawing: its title (empty where it stands alone) and its lines."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis says. ``number`` starts at 0; ``share`` runs from 0 to 100% for values from 0 to 1; ``duration`` is
    logarithmic, takes seconds and gives zero a lane of its own."""

    label: str
    kind: AxisKind = "number"


class _Scale(Protocol):
    @property
    def ticks(self) -> tuple[float, ...]: ...

    def at(self, value: float) -> float: ...


@dataclass(frozen=True, slots=True)
class _LinearScale:
    start: float
    end: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.start + (self.end - self.start) * (min(max(value, low), high) - low) / (high - low)


@dataclass(frozen=True, slots=True)
class _Frame:
    left: float
    right: float
    top: float
    bottom: float


def step_lines(
    chart_id: str,
    title: str,
    description: str,
    panels: Sequence[Panel],
    *,
    language: Language,
    x_axis: Axis,
    y_axis: Axis,
    table_at: Sequence[float] = (),
) -> Chart:
    """One plot over the full width, or several in two columns that share both axes and the key.

    Series of one name look alike in every panel: a colour, dashes and a marker. The table holds each line's value at
    ``table_at``, otherwise at the marks of the x axis. Raises ValueError for more than eight names, lines whose
    columns differ in length, a decreasing x and a negative value.
    """
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    looks = dict(zip(names, choose_series(names), strict=True))
    for line in (line for panel in panels for line in panel.lines):
        _check(line)
    key, top = legend(names, list(looks.values()), _WIDTH, "line", chart_id) if len(names) > 1 else (Markup(""), 0.0)

    lines = [line for panel in panels for line in panel.lines]
    x_values = [value for line in lines for value in (*line.x, *([] if line.end is None else [line.end]))]
    y_values = [value for line in lines for value in line.y]
    alone = len(panels) == 1
    height = _HEIGHTS[0] if alone else _HEIGHTS[1]
    width = _WIDTH if alone else (_WIDTH - _COLUMN_GAP) / 2
    title_height = _PANEL_TITLE if any(panel.title for panel in panels) else 6.0
    row_height = title_height + _Y_LABEL + height + _AXIS
    y_ticks = _ticks(y_axis, y_values)
    left = max(text_width(_tick(tick, y_axis, language, y_ticks), SMALL_FONT_SIZE) for tick in y_ticks) + 12

    parts: list[Markup] = [key]
    for number, panel in enumerate(panels):
        row, column = divmod(number, 1 if alone else 2)
        x0, y0 = column * (width + _COLUMN_GAP), top + row * row_height + title_height + _Y_LABEL
        frame = _Frame(x0 + left, x0 + width - _MARGIN_RIGHT, y0, y0 + height)
        if panel.title:
            parts.append(text(shorten(panel.title, width), x0, y0 - _Y_LABEL - title_height / 2, "label panel-title"))
        x_scale = _scale(x_axis, x_values, frame.left, frame.right)
        y_scale = _scale(y_axis, y_values, frame.bottom, frame.top)
        parts += _axes(frame, x0, x_scale, y_scale, x_axis, y_axis, language)
        parts += [_line(line, looks[line.name], x_scale, y_scale, frame) for line in panel.lines]
        parts += [shape for line in panel.lines for shape in _markers(line, looks[line.name], x_scale, y_scale, frame)]
    rows = max(1, math.ceil(len(panels) / (1 if alone else 2)))
    svg = drawing(chart_id, title, description, width=_WIDTH, height=top + rows * row_height, body=parts)

    at = tuple(table_at) or _marks(_scale(x_axis, x_values, 0.0, 1.0))
    header, table = _table(panels, at, x_axis, y_axis, language)
    return Chart(chart_id, title, description, svg, header, table)


def _check(line: Line) -> None:
    if len(line.x) != len(line.y):
        raise ValueError(f"{line.name}: {len(line.x)} places for {len(line.y)} values")
    if any(later < earlier for earlier, later in zip(line.x, line.x[1:], strict=False)):
        raise ValueError(f"{line.name}: the places must not decrease")
    if line.end is not None and line.x and line.end < line.x[-1]:
        raise ValueError(f"{line.name}: the end lies before the last place")
    if any(value < 0 for column in (line.x, line.y) for value in column):
        raise ValueError(f"{line.name}: a negative value")


def _ticks(axis: Axis, values: Sequence[float]) -> tuple[float, ...]:
    if axis.kind == "share":
        return (0.0, 0.25, 0.5, 0.75, 1.0)
    if axis.kind == "number":
        return linear_ticks(max(values, default=0.0) or 1.0)
    positive = [value for value in values if value > 0] or [1.0]
    return duration_ticks(min(positive), max(positive))


def _scale(axis: Axis, values: Sequence[float], start: float, end: float) -> _Scale:
    ticks = _ticks(axis, values)
    if axis.kind != "duration":
        return _LinearScale(start, end, ticks)
    if all(values):
        return LogScale(start, end, ticks, None)
    lane = math.copysign(min(_ZERO_LANE, abs(end - start) / 4), end - start)
    return LogScale(start + lane, end, ticks, start + lane / 2)


def _marks(scale: _Scale) -> tuple[float, ...]:
    """The ticks, and zero where it has a lane."""
    return (0.0, *scale.ticks) if isinstance(scale, LogScale) and scale.zero is not None else scale.ticks


def _tick(value: float, axis: Axis, language: Language, ticks: Sequence[float]) -> str:
    if axis.kind == "duration":
        return format_duration(value, language) if value else "0"
    if axis.kind == "share":
        return _percent(value, language, 0)
    return format_number(value, language, max(decimals_of(tick) for tick in ticks))


def _percent(share: float, language: Language, decimals: int) -> str:
    shown = format_number(100 * share, language, decimals)
    return f"{shown} %" if language == "de" else f"{shown}%"


def _axes(
    frame: _Frame, x0: float, x_scale: _Scale, y_scale: _Scale, x_axis: Axis, y_axis: Axis, language: Language
) -> list[Markup]:
    parts = [text(y_axis.label, x0, frame.top - 14, "axis-title")]
    for value in _marks(y_scale):
        y = y_scale.at(value)
        parts.append(element("line", x1=frame.left, y1=y, x2=frame.right, y2=y, class_="grid"))
        parts.append(text(_tick(value, y_axis, language, y_scale.ticks), frame.left - 7, y, "tick", "end"))
    taken: list[tuple[float, float]] = []
    for value in sorted(_marks(x_scale), key=lambda value: value not in _FIRST_S):
        x, label = x_scale.at(value), _tick(value, x_axis, language, x_scale.ticks)
        half = text_width(label, SMALL_FONT_SIZE) / 2
        centre = min(x, frame.right + _MARGIN_RIGHT - half)
        parts.append(element("line", x1=x, y1=frame.top, x2=x, y2=frame.bottom, class_="grid"))
        if all(centre + half + 6 < start or end + 6 < centre - half for start, end in taken):
            parts.append(text(label, centre, frame.bottom + 13, "tick", "middle"))
            taken.append((centre - half, centre + half))
    parts.append(
        element("path", d=f"M{frame.left:.1f} {frame.top:.1f}V{frame.bottom:.1f}H{frame.right:.1f}", class_="axis")
    )
    label = shorten(x_axis.label, frame.right - x0, SMALL_FONT_SIZE)
    parts.append(text(label, frame.right, frame.bottom + 33, "axis-title", "end"))
    return parts


def _line(line: Line, look: int, x_scale: _Scale, y_scale: _Scale, frame: _Frame) -> Markup:
    """The path of a line, to the right border; what falls on one pixel is drawn as its span there."""
    if not line.x:
        return Markup("")
    points = [(round(x_scale.at(x), 1), round(y_scale.at(y), 1)) for x, y in zip(line.x, line.y, strict=True)]
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for _, group in groupby(points, key=lambda point: math.floor(point[0])):
        here = list(group)
        heights = [y for _, y in here]
        path.append(f"H{here[0][0]:.1f}")
        if len(here) > 2:
            path.append(f"V{min(heights):.1f}V{max(heights):.1f}")
        path.append(f"V{heights[-1]:.1f}")
    path.append(f"H{_right(line, x_scale, frame):.1f}")
    return element("path", d="".join(path), class_=f"line series-{look} dash-{look}")


def _right(line: Line, x_scale: _Scale, frame: _Frame) -> float:
    return frame.right if line.end is None else x_scale.at(line.end)


def _markers(line: Line, look: int, x_scale: _Scale, y_scale: _Scale, frame: _Frame) -> list[Markup]:
    """A few markers along a line, at places of its own, so that lines that lie on each other are still seen."""
    if not line.x:
        return []
    xs = [x_scale.at(x) for x in line.x]
    first = xs[0]
    span = frame.right - frame.left
    shapes = []
    for number in range(_MARKERS):
        x = frame.left + span * (number + 0.25 + 0.5 * (look % 3) / 3) / _MARKERS
        if x < first or x > _right(line, x_scale, frame):
            continue
        value = line.y[bisect_right(xs, x) - 1]
        shapes.append(marker(look, x, y_scale.at(value)))
    return shapes


def _table(
    panels: Sequence[Panel], at: Sequence[float], x_axis: Axis, y_axis: Axis, language: Language
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """One row per place, one column per line; a line that has not begun there has no value."""
    columns = [
        (" · ".join(part for part in (panel.title, line.name) if part), line)
        for panel in panels
        for line in panel.lines
    ]
    header = (x_axis.label, *(name for name, _ in columns))
    rows = tuple(
        (_tick(place, x_axis, language, at), *(_value(line, place, y_axis, language) for _, line in columns))
        for place in at
    )
    return header, rows


def _value(line: Line, place: float, axis: Axis, language: Language) -> str:
    number = bisect_right(line.x, place) - 1
    if number < 0:
        return "–" if line.x else word("unknown", language)
    if line.end is not None and place >= line.end:
        return "–"
    value = line.y[number]
    if axis.kind == "duration":
        return format_duration(value, language)
    if axis.kind == "share":
        return _percent(value, language, 1)
    return format_number(value, language, 0 if float(value).is_integer() else 1)
