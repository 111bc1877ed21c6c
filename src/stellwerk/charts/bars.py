"""Horizontal bars: one or several per row side by side, or parts of a whole end to end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from stellwerk.charts.formats import format_number
from stellwerk.charts.model import Chart
from stellwerk.charts.series import block, choose_series, hatchings, legend
from stellwerk.charts.svg import FONT_SIZE, SMALL_FONT_SIZE, drawing, element, text, text_width, wrap
from stellwerk.charts.ticks import decimals_of, linear_ticks
from stellwerk.charts.words import Language, word

_WIDTH = 760.0
_LABELS_AT_MOST = 230.0
_BAR = 20.0
_ROW_GAP = 16.0
_AXIS = 46.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: a value per series or part, None where it is unknown.

    ``limit`` is drawn as a line across the row: the capacity that the row must stay under.
    """

    label: str
    values: tuple[float | Decimal | None, ...]
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the plot lies inside the drawing."""

    left: float
    right: float
    ticks: tuple[float, ...]

    def x(self, value: float | Decimal) -> float:
        return self.left + (self.right - self.left) * float(value) / self.ticks[-1]


def horizontal_bars(
    chart_id: str,
    title: str,
    description: str,
    bars: Sequence[Bar],
    series: Sequence[str],
    *,
    language: Language,
    unit: str,
    decimals: int = 0,
) -> Chart:
    """One bar per row and series; several series stand under each other within a row.

    ``series`` names the values of each bar; one name draws no key. ``unit`` is the title of the axis. An unknown
    value draws no bar and says so. Raises ValueError for a negative value and for more than eight series.
    """
    looks = _check(bars, series)
    endings = [[_shown(value, language, decimals) for value in bar.values] for bar in bars]
    key, top = legend(series, looks, _WIDTH, "block", chart_id) if len(series) > 1 else (Markup(""), 0.0)
    frame = _frame(bars, [label for row in endings for label in row], _known_values(bars))

    parts: list[Markup] = []
    y = top + _ROW_GAP / 2
    for bar, labels in zip(bars, endings, strict=True):
        height = max(_BAR * len(series), 2 * FONT_SIZE + 4)
        parts += _row_label(bar.label, frame, y + height / 2)
        bar_top = y + (height - _BAR * len(series)) / 2
        for index, (value, label) in enumerate(zip(bar.values, labels, strict=True)):
            row = bar_top + index * _BAR
            end = frame.left
            if value is not None:
                end = frame.x(value)
                parts.append(block(chart_id, index, frame.left, row + 1, end - frame.left, _BAR - 2))
            parts.append(text(label, end + 6, row + _BAR / 2, "value" if value is not None else "value unknown"))
        y += height + _ROW_GAP
    body = [hatchings(chart_id, looks), key, *_axis(frame, top, y, unit, language), *parts]
    svg = drawing(chart_id, title, description, width=_WIDTH, height=y + _AXIS, body=body)
    rows = tuple((bar.label, *labels) for bar, labels in zip(bars, endings, strict=True))
    return Chart(chart_id, title, description, svg, (word("name", language), *series), rows)


def stacked_bars(
    chart_id: str,
    title: str,
    description: str,
    bars: Sequence[Bar],
    parts: Sequence[str],
    *,
    language: Language,
    unit: str,
    decimals: int = 0,
    limit_name: str = "",
    looks: Sequence[int] = (),
) -> Chart:
    """One bar per row, made of its parts end to end, with the sum at its end.

    Where a bar has a ``limit`` (the memory of a device, say), a line marks it and the sum reads "46 / 64";
    ``limit_name`` names that line in the key and in the table. ``looks`` chooses the parts' colours and hatchings by
    number (0 to 7). A bar with an unknown part shows the sum of the others and says that one is unknown. Raises
    ValueError for a negative value, for more than eight parts and for limits without a name.
    """
    chosen = _check(bars, parts, looks)
    limited = any(bar.limit is not None for bar in bars)
    if limited and not limit_name:
        raise ValueError("limits need a name")
    sums = [_sum(bar) for bar in bars]
    total_labels = [_sum_label(bar, language, decimals) for bar in bars]
    endings = [
        label if bar.limit is None else f"{label} / {format_number(bar.limit, language, decimals)}"
        for bar, label in zip(bars, total_labels, strict=True)
    ]
    key, top = legend(parts, chosen, _WIDTH, "block", chart_id)
    if limited:
        key += _limit_key(limit_name, top)
        top += FONT_SIZE + 12
    largest = [*sums, *(bar.limit for bar in bars if bar.limit is not None)]
    frame = _frame(bars, endings, largest)

    height = 2 * FONT_SIZE + 4
    drawn: list[Markup] = []
    y = top + _ROW_GAP / 2
    for bar, total, label in zip(bars, sums, endings, strict=True):
        drawn += _row_label(bar.label, frame, y + height / 2)
        start = 0.0
        for look, value in zip(chosen, bar.values, strict=True):
            if not value:
                continue
            x, end = frame.x(start), frame.x(start + float(value))
            drawn.append(block(chart_id, look, x, y + (height - _BAR) / 2, end - x, _BAR))
            start += float(value)
        beyond = max(total, bar.limit or 0.0)
        if bar.limit is not None:
            drawn.append(_limit_line(frame.x(bar.limit), y - _ROW_GAP / 2, y + height + _ROW_GAP / 2))
        drawn.append(text(label, frame.x(beyond) + 7, y + height / 2, "value"))
        y += height + _ROW_GAP
    body = [hatchings(chart_id, chosen), key, *_axis(frame, top, y, unit, language), *drawn]
    svg = drawing(chart_id, title, description, width=_WIDTH, height=y + _AXIS, body=body)

    header = (word("name", language), *parts, word("total", language), *([limit_name] if limited else []))
    rows = tuple(
        (
            bar.label,
            *(_shown(value, language, decimals) for value in bar.values),
            label,
            *([_shown(bar.limit, language, decimals)] if limited else []),
        )
        for bar, label in zip(bars, total_labels, strict=True)
    )
    return Chart(chart_id, title, description, svg, header, rows)


def _check(bars: Sequence[Bar], names: Sequence[str], chosen: Sequence[int] = ()) -> tuple[int, ...]:
    looks = choose_series(names, chosen)
    for bar in bars:
        if len(bar.values) != len(names):
            raise ValueError(f"{bar.label}: {len(bar.values)} values for {len(names)} names")
        if any(value is not None and value < 0 for value in bar.values):
            raise ValueError(f"{bar.label}: a bar cannot be negative")
    return looks


def _known_values(bars: Sequence[Bar]) -> list[float]:
    return [float(value) for bar in bars for value in bar.values if value is not None]


def _sum(bar: Bar) -> float:
    return math.fsum(float(value) for value in bar.values if value is not None)


def _sum_label(bar: Bar, language: Language, decimals: int) -> str:
    known = [value for value in bar.values if value is not None]
    if not known:
        return word("unknown", language)
    shown = format_number(_sum(bar), language, decimals)
    return shown if len(known) == len(bar.values) else f"{shown} + {word('unknown', language)}"


def _shown(value: float | Decimal | None, language: Language, decimals: int) -> str:
    return word("unknown", language) if value is None else format_number(value, language, decimals)


def _frame(bars: Sequence[Bar], endings: Sequence[str], values: Sequence[float]) -> _Frame:
    widest_label = max((text_width(bar.label) for bar in bars), default=0.0)
    widest_ending = max((text_width(label) for label in endings), default=0.0)
    largest = max(values, default=0.0) or 1.0
    left = min(widest_label, _LABELS_AT_MOST) + 12
    return _Frame(left, _WIDTH - max(widest_ending + 12, 40.0), linear_ticks(largest))


def _row_label(label: str, frame: _Frame, middle: float) -> list[Markup]:
    lines = wrap(label, _LABELS_AT_MOST)
    first = middle - (len(lines) - 1) * FONT_SIZE * 0.6
    return [
        text(line, frame.left - 10, first + index * FONT_SIZE * 1.2, "label", "end") for index, line in enumerate(lines)
    ]


def _axis(frame: _Frame, top: float, bottom: float, unit: str, language: Language) -> list[Markup]:
    decimals = max(decimals_of(tick) for tick in frame.ticks)
    parts = []
    for tick in frame.ticks:
        x = frame.x(tick)
        parts.append(element("line", x1=x, y1=top, x2=x, y2=bottom, class_="grid" if tick else "axis"))
        parts.append(text(format_number(tick, language, decimals), x, bottom + 12, "tick", "middle"))
    middle = (frame.left + frame.right) / 2
    half = text_width(unit, SMALL_FONT_SIZE) / 2
    parts.append(text(unit, min(max(middle, half + 2), _WIDTH - half - 2), bottom + 33, "axis-title", "middle"))
    return parts


def _limit_line(x: float, top: float, bottom: float) -> Markup:
    return element("line", x1=x, y1=top, x2=x, y2=bottom, class_="limit")


def _limit_key(name: str, top: float) -> Markup:
    middle = top + FONT_SIZE / 2
    return _limit_line(8, middle - 9, middle + 9) + text(name, 23, middle, "label")
