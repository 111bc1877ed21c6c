"""Finding room for the labels of points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from stellwerk.charts.svg import SMALL_FONT_SIZE, shorten, text_width

_WIDEST = 250.0
_DISTANCE = 9.0
_LINE = 12.0
_HEIGHT = SMALL_FONT_SIZE + 3


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the drawing; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def encloses(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A placed label: ``x`` and ``y`` are the point that the text is anchored to, at half its height."""

    text: str
    x: float
    y: float
    anchor: Literal["start", "middle", "end"]
    box: Box


def place_label(
    label: str, x: float, y: float, area: Box, taken: Sequence[Box], avoided: Sequence[Box] = ()
) -> Label | None:
    """A free place around a point, at its corners first; None where none is free.

    A label never touches what is ``taken``; it touches what should be ``avoided`` (the bars of intervals) only
    where no other place is left.
    """
    shown = shorten(label, _WIDEST, SMALL_FONT_SIZE)
    width = text_width(shown, SMALL_FONT_SIZE)
    free = [
        place
        for place in _places(shown, x, y, width)
        if area.encloses(place.box) and not any(place.box.overlaps(other) for other in taken)
    ]
    clear = [place for place in free if not any(place.box.overlaps(other) for other in avoided)]
    return next(iter(clear or free), None)


def _places(shown: str, x: float, y: float, width: float) -> Iterator[Label]:
    anchors: tuple[tuple[float, float, Literal["start", "middle", "end"]], ...] = (
        (_DISTANCE, -_LINE, "start"),
        (_DISTANCE, _LINE, "start"),
        (-_DISTANCE, -_LINE, "end"),
        (-_DISTANCE, _LINE, "end"),
        (_DISTANCE, 0, "start"),
        (-_DISTANCE, 0, "end"),
        (0, -_LINE - 4, "middle"),
        (0, _LINE + 4, "middle"),
    )
    for right, down, anchor in anchors:
        left = x + right - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        middle = y + down
        box = Box(left, middle - _HEIGHT / 2, left + width, middle + _HEIGHT / 2)
        yield Label(shown, x + right, middle, anchor, box)
