"""What drawings of horizontal rows share: where the plot lies, the label before a row, the axis beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from stellwerk.charts.formats import format_number
from stellwerk.charts.svg import FONT_SIZE, SMALL_FONT_SIZE, element, text, text_width, wrap
from stellwerk.charts.ticks import decimals_of, linear_ticks
from stellwerk.charts.words import Language

WIDTH = 760.0
BAR = 20.0
ROW = 2 * FONT_SIZE + 4
"""Height of a row: two lines of its label."""
ROW_GAP = 16.0
AXIS = 46.0
"""Height of the axis with its title."""
_LABELS_AT_MOST = 230.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the plot lies inside the drawing."""

    left: float
    right: float
    ticks: tuple[float, ...]

    def x(self, value: float | Decimal) -> float:
        return self.left + (self.right - self.left) * float(value) / self.ticks[-1]


def row_frame(labels: Sequence[str], endings: Sequence[str], values: Sequence[float], beside: float = 0.0) -> Frame:
    """Room for the labels before the rows, for what stands at their ends, and for ``beside`` at the right edge."""
    widest_label = max((text_width(label) for label in labels), default=0.0)
    widest_ending = max((text_width(ending) for ending in endings), default=0.0)
    ticks = linear_ticks(max(values, default=0.0) or 1.0)
    half_tick = max(text_width(label, SMALL_FONT_SIZE) for label in _tick_labels(ticks, "en")) / 2
    left = max(min(widest_label, _LABELS_AT_MOST) + 12, half_tick)
    return Frame(left, WIDTH - beside - max(widest_ending + 12, 40.0, half_tick), ticks)


def row_label(label: str, frame: Frame, middle: float) -> list[Markup]:
    """The label of a row, in up to two lines."""
    lines = wrap(label, _LABELS_AT_MOST)
    first = middle - (len(lines) - 1) * FONT_SIZE * 0.6
    return [
        text(line, frame.left - 10, first + index * FONT_SIZE * 1.2, "label", "end") for index, line in enumerate(lines)
    ]


def axis(frame: Frame, top: float, bottom: float, unit: str, language: Language) -> list[Markup]:
    """Grid lines from ``top`` to ``bottom`` with their values, and the title beneath."""
    parts = []
    for tick, label in zip(frame.ticks, _tick_labels(frame.ticks, language), strict=True):
        x = frame.x(tick)
        parts.append(element("line", x1=x, y1=top, x2=x, y2=bottom, class_="grid" if tick else "axis"))
        parts.append(text(label, x, bottom + 12, "tick", "middle"))
    middle = (frame.left + frame.right) / 2
    half = text_width(unit, SMALL_FONT_SIZE) / 2
    parts.append(text(unit, min(max(middle, half + 2), WIDTH - half - 2), bottom + 33, "axis-title", "middle"))
    return parts


def _tick_labels(ticks: Sequence[float], language: Language) -> list[str]:
    decimals = max(decimals_of(tick) for tick in ticks)
    return [format_number(tick, language, decimals) for tick in ticks]
