"""A waterfall: how a value grows from a first one to a last one, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from stellwerk.charts.formats import format_number
from stellwerk.charts.model import Chart
from stellwerk.charts.rows import AXIS, BAR, ROW, WIDTH, Frame, axis, row_frame, row_label
from stellwerk.charts.series import block, choose_series, hatchings, legend
from stellwerk.charts.svg import FONT_SIZE, drawing, element, text, text_width
from stellwerk.charts.words import Language, word

_GAP = 4.0
_HEAD = FONT_SIZE + 10


@dataclass(frozen=True, slots=True)
class Rise:
    """One step: what it adds (negative: takes away), the group that it belongs to by number, and a note to it."""

    label: str
    value: float
    group: int
    note: str


def rising_bars(
    chart_id: str,
    title: str,
    description: str,
    rises: Sequence[Rise],
    groups: Sequence[str],
    *,
    language: Language,
    unit: str,
    decimals: int,
    total: Rise,
    columns: tuple[str, str, str],
) -> Chart:
    """One bar per step, each beginning where the one before ends, and ``total``, which stands from zero.

    ``groups`` name the colours, at most eight; the key shows those that occur. ``columns`` head what is added, the
    value so far, and the notes, which stand at the right edge; ``unit`` is the title of the axis. A step of exactly
    zero stands in the table only. Raises ValueError where a value so far is negative, and where ``total`` is not what
    the steps add up to.
    """
    choose_series(groups)
    reached = list(accumulate(rise.value for rise in rises))
    if min(reached) < 0:
        raise ValueError("a value so far cannot be negative")
    if abs(reached[-1] - total.value) > 1e-6 * total.value:
        raise ValueError(f"the steps add up to {reached[-1]:g}, not to {total.value:g}")

    def number(value: float) -> str:
        return format_number(value, language, decimals) if value else "0"

    def signed(value: float) -> str:
        return f"+{number(value)}" if value > 0 else number(value)

    starts = [0.0, *reached[:-1]]
    endings = [number(rises[0].value), *(signed(rise.value) for rise in rises[1:])]
    drawn = [
        (rise, start, end, ending)
        for rise, start, end, ending in zip(rises, starts, reached, endings, strict=True)
        if rise.value
    ] + [(total, 0.0, total.value, number(total.value))]

    looks = sorted({rise.group for rise, *_ in drawn})
    key, top = legend([groups[look] for look in looks], looks, WIDTH, "block", chart_id)
    noted = max(text_width(note) for note in (columns[2], *(rise.note for rise in (*rises, total))))
    frame = row_frame([rise.label for rise, *_ in drawn], [ending for *_, ending in drawn], reached, beside=noted + 8)
    parts = [text(columns[2], WIDTH, top + _HEAD / 2, "axis-title", "end")]
    y = top + _HEAD
    for place, (rise, start, end, ending) in enumerate(drawn):
        parts += row_label(rise.label, frame, y + ROW / 2)
        low, high = frame.x(min(start, end)), frame.x(max(start, end))
        parts.append(block(chart_id, rise.group, low, y + (ROW - BAR) / 2, max(high - low, 1.0), BAR))
        parts.append(text(ending, high + 6, y + ROW / 2, "value"))
        parts.append(text(rise.note, WIDTH, y + ROW / 2, "value", "end"))
        if place < len(drawn) - 1:
            parts.append(_step(frame, end, y))
        y += ROW + _GAP
    body = [hatchings(chart_id, looks), key, *axis(frame, top + _HEAD, y, unit, language), *parts]
    svg = drawing(chart_id, title, description, width=WIDTH, height=y + AXIS, body=body)
    return Chart(
        chart_id,
        title,
        description,
        svg,
        (word("name", language), *columns),
        tuple(
            (rise.label, ending, number(value), rise.note)
            for rise, ending, value in zip((*rises, total), (*endings, ""), (*reached, total.value), strict=True)
        ),
    )


def _step(frame: Frame, value: float, y: float) -> Markup:
    """From the end of the bar of the row at ``y`` down to the next one."""
    x = frame.x(value)
    return element("line", x1=x, y1=y + (ROW + BAR) / 2, x2=x, y2=y + ROW + _GAP + (ROW - BAR) / 2, class_="break")
