"""Reading back what was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from stellwerk.charts import Chart
from stellwerk.charts.svg import FONT_SIZE, SMALL_FONT_SIZE, text_width

_SMALL = {"tick", "axis-title", "point-label"}


class Text(NamedTuple):
    content: str
    left: float
    right: float
    y: float
    classes: frozenset[str]


def tree(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg)  # noqa: S314 - our own output


def view_box(chart: Chart) -> tuple[float, float]:
    _, _, width, height = (float(part) for part in tree(chart).attrib["viewBox"].split())
    return width, height


def texts(chart: Chart) -> Iterator[Text]:
    for node in tree(chart).iter("text"):
        classes = frozenset(node.attrib["class"].split())
        width = text_width(node.text or "", SMALL_FONT_SIZE if classes & _SMALL else FONT_SIZE)
        left = float(node.attrib["x"]) - {"start": 0.0, "middle": width / 2, "end": width}[node.attrib["text-anchor"]]
        yield Text(node.text or "", left, left + width, float(node.attrib["y"]), classes)


def assert_inside(chart: Chart) -> None:
    width, height = view_box(chart)
    for text in texts(chart):
        assert text.left >= -0.5, text
        assert text.right <= width + 0.5, text
        assert FONT_SIZE * 0.7 <= text.y <= height - 2, text
    for node in tree(chart).iter("rect"):
        assert float(node.attrib["x"]) >= 0
        assert float(node.attrib["x"]) + float(node.attrib["width"]) <= width + 0.1
