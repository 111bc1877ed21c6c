"""Horizontal bars: one or several per row side by side, or parts of a whole end to end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from stellwerk.charts.formats import format_number
from stellwerk.charts.model import Chart
from stellwerk.charts.rows import AXIS, BAR, ROW, ROW_GAP, WIDTH, axis, row_frame, row_label
from stellwerk.charts.series import block, choose_series, hatchings, legend
from stellwerk.charts.svg import FONT_SIZE, drawing, element, text
from stellwerk.charts.words import Language, word


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: a value per series or part, None where it is unknown.

    ``limit`` is drawn as a line across the row: the capacity that the row must stay under.
    """

    label: str
    values: tuple[float | Decimal | None, ...]
    limit: float | None = None


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
    key, top = legend(series, looks, WIDTH, "block", chart_id) if len(series) > 1 else (Markup(""), 0.0)
    shown = [label for row in endings for label in row]
    frame = row_frame([bar.label for bar in bars], shown, _known_values(bars))

    parts: list[Markup] = []
    y = top + ROW_GAP / 2
    for bar, labels in zip(bars, endings, strict=True):
        height = max(BAR * len(series), ROW)
        parts += row_label(bar.label, frame, y + height / 2)
        bar_top = y + (height - BAR * len(series)) / 2
        for index, (value, label) in enumerate(zip(bar.values, labels, strict=True)):
            row = bar_top + index * BAR
            end = frame.left
            if value is not None:
                end = frame.x(value)
                parts.append(block(chart_id, index, frame.left, row + 1, end - frame.left, BAR - 2))
            parts.append(text(label, end + 6, row + BAR / 2, "value" if value is not None else "value unknown"))
        y += height + ROW_GAP
    body = [hatchings(chart_id, looks), key, *axis(frame, top, y, unit, language), *parts]
    svg = drawing(chart_id, title, description, width=WIDTH, height=y + AXIS, body=body)
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
    key, top = legend(parts, chosen, WIDTH, "block", chart_id)
    if limited:
        key += _limit_key(limit_name, top)
        top += FONT_SIZE + 12
    largest = [*sums, *(bar.limit for bar in bars if bar.limit is not None)]
    frame = row_frame([bar.label for bar in bars], endings, largest)

    drawn: list[Markup] = []
    y = top + ROW_GAP / 2
    for bar, total, label in zip(bars, sums, endings, strict=True):
        drawn += row_label(bar.label, frame, y + ROW / 2)
        start = 0.0
        for look, value in zip(chosen, bar.values, strict=True):
            if not value:
                continue
            x, end = frame.x(start), frame.x(start + float(value))
            drawn.append(block(chart_id, look, x, y + (ROW - BAR) / 2, end - x, BAR))
            start += float(value)
        beyond = max(total, bar.limit or 0.0)
        if bar.limit is not None:
            drawn.append(_limit_line(frame.x(bar.limit), y - ROW_GAP / 2, y + ROW + ROW_GAP / 2))
        drawn.append(text(label, frame.x(beyond) + 7, y + ROW / 2, "value"))
        y += ROW + ROW_GAP
    body = [hatchings(chart_id, chosen), key, *axis(frame, top, y, unit, language), *drawn]
    svg = drawing(chart_id, title, description, width=WIDTH, height=y + AXIS, body=body)

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


def _limit_line(x: float, top: float, bottom: float) -> Markup:
    return element("line", x1=x, y1=top, x2=x, y2=bottom, class_="limit")


def _limit_key(name: str, top: float) -> Markup:
    middle = top + FONT_SIZE / 2
    return _limit_line(8, middle - 9, middle + 9) + text(name, 23, middle, "label")
