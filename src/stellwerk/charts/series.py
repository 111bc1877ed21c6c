"""How series are told apart: a colour and, for those who do not see it, a hatching or a marker shape.

The colours are classes of the style sheet (``series-0`` …), so that they follow light, dark and print.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup

from stellwerk.charts.svg import FONT_SIZE, element, shorten, text, text_width

SERIES = 8
"""Number of colours, hatchings and shapes; one drawing holds no more series."""

LEGEND_ROW = 24.0
_SWATCH = 16.0
_LINE_SWATCH = 40.0
_GAP = 18.0

# Strokes of an 8 x 8 tile, laid over the colour; the first series is plain.
_HATCHINGS = (
    "",
    "M-2 2 2 -2M0 8 8 0M6 10 10 6",
    "M0 2H8M0 6H8",
    "M2 0V8M6 0V8",
    "M-2 6 2 10M0 0 8 8M6 -2 10 2",
    "M0 0 8 8M0 8 8 0",
    "M0 4H8M4 0V8",
    "M1 2H3M5 6H7",
)

# Outlines of about 10 x 10 around the origin.
_SHAPES = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z",
    "M-4.5 -4.5H4.5V4.5H-4.5Z",
    "M0 -5.6 5.6 4.4H-5.6Z",
    "M0 -6 6 0 0 6 -6 0Z",
    "M0 5.6 5.6 -4.4H-5.6Z",
    "M-2 -5.5H2V-2H5.5V2H2V5.5H-2V2H-5.5V-2H-2Z",
    "M0 -5.8 5.5 -1.8 3.4 4.7H-3.4L-5.5 -1.8Z",
    "M-5.5 -3.5 0 -0.8 5.5 -3.5V3.5L0 0.8 -5.5 3.5Z",
)


def choose_series(names: Sequence[str], chosen: Sequence[int] = ()) -> tuple[int, ...]:
    """The numbers of the series' looks: those chosen, else one after the other.

    Raises ValueError for more series than can be told apart and for a choice that does not tell them apart.
    """
    looks = tuple(chosen) or tuple(range(len(names)))
    if len(names) > SERIES:
        raise ValueError(f"{len(names)} series in one drawing; at most {SERIES} can be told apart")
    if len(looks) != len(names) or len(set(looks)) != len(looks) or not set(looks) <= set(range(SERIES)):
        raise ValueError(f"{looks} are no {len(names)} different looks from 0 to {SERIES - 1}")
    return looks


def hatchings(chart_id: str, looks: Sequence[int]) -> Markup:
    """The definitions that ``block`` refers to."""
    patterns = (
        element(
            "pattern",
            element("path", d=_HATCHINGS[index], class_="hatching"),
            id=f"{chart_id}-hatching-{index}",
            width=8.0,
            height=8.0,
            patternUnits="userSpaceOnUse",
        )
        for index in looks
        if index
    )
    return element("defs", *patterns) if any(looks) else Markup("")


def block(chart_id: str, index: int, x: float, y: float, width: float, height: float) -> Markup:
    """A filled rectangle of one series."""
    box = {"x": x, "y": y, "width": width, "height": height}
    colour = element("rect", class_=f"bar series-{index}", **box)
    return colour if index == 0 else colour + element("rect", fill=f"url(#{chart_id}-hatching-{index})", **box)


def marker(index: int, x: float, y: float) -> Markup:
    """The marker of one series, centred at a point."""
    return element("path", d=_SHAPES[index], transform=f"translate({x:.1f} {y:.1f})", class_=f"marker series-{index}")


def legend(
    names: Sequence[str], looks: Sequence[int], width: float, swatch: Literal["block", "marker", "line"], chart_id: str
) -> tuple[Markup, float]:
    """The key of a drawing and its height; ``looks`` are the numbers of the series."""
    parts: list[Markup] = []
    swatch_width = _LINE_SWATCH if swatch == "line" else _SWATCH
    x, y = 0.0, LEGEND_ROW / 2
    for index, name in zip(looks, (shorten(name, width - swatch_width - 7) for name in names), strict=True):
        needed = swatch_width + 7 + text_width(name)
        if x and x + needed > width:
            x, y = 0.0, y + LEGEND_ROW
        if swatch == "block":
            parts.append(block(chart_id, index, x, y - _SWATCH / 2, _SWATCH, _SWATCH))
        if swatch == "line":
            path = f"M{x:.1f} {y:.1f}H{x + swatch_width:.1f}"
            parts.append(element("path", d=path, class_=f"line series-{index} dash-{index}"))
        if swatch != "block":
            parts.append(marker(index, x + swatch_width / 2, y))
        parts.append(text(name, x + swatch_width + 7, y, "label"))
        x += needed + _GAP
    return Markup("").join(parts), y + LEGEND_ROW / 2 + FONT_SIZE / 2
