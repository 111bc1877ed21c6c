"""Points with intervals on logarithmic axes: time against cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from stellwerk.charts.formats import format_interval, format_significant
from stellwerk.charts.labels import Box, place_label
from stellwerk.charts.model import Chart
from stellwerk.charts.scale import LogScale, log_scale
from stellwerk.charts.series import choose_series, legend, marker
from stellwerk.charts.svg import SMALL_FONT_SIZE, drawing, element, text, text_width
from stellwerk.charts.words import Language, counted, word
from stellwerk.units import Interval

_WIDTH = 760.0
_PLOT_HEIGHT = 400.0
_AXIS = 50.0
_MARGIN_RIGHT = 24.0
_MARKER = 7.0


@dataclass(frozen=True, slots=True)
class Point:
    """One entry: its label, where it lies (None where that is unknown) and the group that gives it shape and colour."""

    label: str
    x: Interval | None
    y: Interval | None
    group: str


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A point with both values known and the number of its group."""

    label: str
    x: Interval
    y: Interval
    series: int


def scatter(
    chart_id: str,
    title: str,
    description: str,
    points: Sequence[Point],
    groups: Sequence[str],
    *,
    language: Language,
    x_label: str,
    y_label: str,
    joined: bool = False,
) -> Chart:
    """Points with a bar for each interval, both axes logarithmic; the labels name the unit as well.

    Zero (free of charge) has a lane of its own at the start of its axis. A point with an unknown value is listed in
    the table and counted in the note, never drawn. ``points`` come in the order of their weight: where markers or
    labels would overlap, the earlier point is on top and keeps its label. Raises ValueError for a negative value,
    for a group that ``groups`` does not name and for more than eight groups. ``joined`` draws a line through the points
    of each group in their order, and no labels.
    """
    looks = choose_series(groups)
    numbers = {name: index for index, name in enumerate(groups)}
    for point in points:
        if point.group not in numbers:
            raise ValueError(f"{point.label}: the group {point.group!r} is not among {', '.join(groups)}")
    drawn = [
        _Drawn(point.label, point.x, point.y, numbers[point.group])
        for point in points
        if point.x is not None and point.y is not None
    ]
    key, top = (
        legend(groups, looks, _WIDTH, "line" if joined else "marker", chart_id)
        if len(groups) > 1
        else (Markup(""), 0.0)
    )
    top += 30  # room for the upright axis' label
    x_scale, y_scale = _scales(drawn, top, language)
    axes = _axes(x_scale, y_scale, top, x_label, y_label, language)
    labels, unlabelled = ([], 0) if joined else _labels(drawn, x_scale, y_scale, top)
    body = [
        key,
        *axes,
        *(_intervals(point, x_scale, y_scale) for point in drawn),
        *(_line(drawn, series, x_scale, y_scale) for series in (range(len(groups)) if joined else ())),
        *(marker(point.series, x_scale.at(point.x.best), y_scale.at(point.y.best)) for point in reversed(drawn)),
        *labels,
    ]
    svg = drawing(chart_id, title, description, width=_WIDTH, height=top + _PLOT_HEIGHT + _AXIS, body=body)
    notes = (
        counted("not_drawn", len(points) - len(drawn), language),
        counted("not_labelled", unlabelled, language),
    )
    header = (word("name", language), word("group", language), x_label, y_label)
    rows = tuple(
        (point.label, point.group, _interval(point.x, language), _interval(point.y, language)) for point in points
    )
    return Chart(chart_id, title, description, svg, header, rows, " ".join(note for note in notes if note))


def _scales(drawn: Sequence[_Drawn], top: float, language: Language) -> tuple[LogScale, LogScale]:
    bottom = top + _PLOT_HEIGHT
    y_scale = log_scale([value for point in drawn for value in (point.y.low, point.y.best, point.y.high)], bottom, top)
    left = max(text_width(format_significant(tick, language), SMALL_FONT_SIZE) for tick in y_scale.ticks) + 12
    x_values = [value for point in drawn for value in (point.x.low, point.x.best, point.x.high)]
    return log_scale(x_values, left, _WIDTH - _MARGIN_RIGHT), y_scale


def _axes(
    x_scale: LogScale, y_scale: LogScale, top: float, x_label: str, y_label: str, language: Language
) -> list[Markup]:
    bottom = top + _PLOT_HEIGHT
    left, right = x_scale.edge, x_scale.end
    parts = [text(y_label, 0, top - 18, "axis-title")]
    last_label_end = 0.0
    for x, label in _tick_positions(x_scale, language):
        half = text_width(label, SMALL_FONT_SIZE) / 2
        centre = min(x, _WIDTH - half)
        parts.append(element("line", x1=x, y1=top, x2=x, y2=bottom, class_="grid"))
        if centre - half > last_label_end + 6:
            parts.append(text(label, centre, bottom + 13, "tick", "middle"))
            last_label_end = centre + half
    for y, label in _tick_positions(y_scale, language):
        parts.append(element("line", x1=left, y1=y, x2=right, y2=y, class_="grid"))
        parts.append(text(label, left - 7, y, "tick", "end"))
    if x_scale.zero is not None:
        parts.append(element("line", x1=x_scale.start - 6, y1=top, x2=x_scale.start - 6, y2=bottom, class_="break"))
    if y_scale.zero is not None:
        parts.append(element("line", x1=left, y1=y_scale.start + 6, x2=right, y2=y_scale.start + 6, class_="break"))
    parts.append(element("path", d=f"M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}", class_="axis"))
    parts.append(text(x_label, right, bottom + 37, "axis-title", "end"))
    return parts


def _tick_positions(scale: LogScale, language: Language) -> list[tuple[float, str]]:
    zero = [] if scale.zero is None else [(scale.zero, "0")]
    return zero + [(scale.at(tick), format_significant(tick, language)) for tick in scale.ticks]


def _intervals(point: _Drawn, x_scale: LogScale, y_scale: LogScale) -> Markup:
    class_ = f"interval series-{point.series}"
    return Markup("").join(
        element("line", x1=bar.left, y1=bar.top, x2=bar.right, y2=bar.bottom, class_=class_)
        for bar in _bars(point, x_scale, y_scale)
    )


def _line(drawn: Sequence[_Drawn], series: int, x_scale: LogScale, y_scale: LogScale) -> Markup:
    places = [(x_scale.at(point.x.best), y_scale.at(point.y.best)) for point in drawn if point.series == series]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return element("path", d=f"M{path}", class_=f"line series-{series} dash-{series}") if places else Markup("")


def _bars(point: _Drawn, x_scale: LogScale, y_scale: LogScale) -> tuple[Box, Box]:
    """The two bars of a point's intervals, without breadth."""
    x, y = x_scale.at(point.x.best), y_scale.at(point.y.best)
    return (
        Box(x_scale.at(point.x.low), y, x_scale.at(point.x.high), y),
        Box(x, y_scale.at(point.y.high), x, y_scale.at(point.y.low)),
    )


def _labels(drawn: Sequence[_Drawn], x_scale: LogScale, y_scale: LogScale, top: float) -> tuple[list[Markup], int]:
    """The labels that find room, and the number of those that do not."""
    area = Box(x_scale.edge, top, x_scale.end, top + _PLOT_HEIGHT)
    centres = [(x_scale.at(point.x.best), y_scale.at(point.y.best)) for point in drawn]
    taken = [Box(x - _MARKER, y - _MARKER, x + _MARKER, y + _MARKER) for x, y in centres]
    bars = [bar for point in drawn for bar in _bars(point, x_scale, y_scale)]
    placed: list[Markup] = []
    for point, (x, y) in zip(drawn, centres, strict=True):
        label = place_label(point.label, x, y, area, taken, bars)
        if label is None:
            continue
        taken.append(label.box)
        placed.append(text(label.text, label.x, label.y, "point-label", label.anchor))
    return placed, len(drawn) - len(placed)


def _interval(value: Interval | None, language: Language) -> str:
    return word("unknown", language) if value is None else format_interval(value, language)
