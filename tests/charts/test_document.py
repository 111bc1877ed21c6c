from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

from stellwerk.charts import Chart, Point, scatter, svg_document
from stellwerk.units import Interval

SVG = "{http://www.w3.org/2000/svg}"


def chart(chart_id: str = "a", title: str = "Cost <&> time") -> Chart:
    points = [Point(str(x), Interval.exactly(x), Interval(x, 2 * x, 3 * x), "measured") for x in (1.0, 4.0, 9.0)]
    points += [Point(str(x), Interval.exactly(x), Interval.exactly(x), "ideal") for x in (1.0, 9.0)]
    return scatter(
        chart_id, title, "d", points, ("measured", "ideal"), language="en", x_label="x", y_label="y", joined=True
    )


def test_joined_points_are_a_line_of_their_group_without_labels() -> None:
    svg = ElementTree.fromstring(str(chart().svg))  # noqa: S314 - drawn here
    lines = [one.get("d", "") for one in svg.iter("path") if "line series-" in one.get("class", "")]
    drawn = [one for one in lines if "L" in one]
    assert [one.count("L") for one in drawn] == [2, 1]
    assert not [one for one in svg.iter("text") if one.get("class") == "point-label"]
    assert chart().note == ""


def test_a_document_holds_every_drawing_below_the_one_before_and_each_table_once() -> None:
    first = chart()
    second = replace(chart("b", "Second"), header=first.header, rows=first.rows)
    root = ElementTree.fromstring(svg_document([first, second]))  # noqa: S314 - drawn here
    drawings = root.findall(f"{SVG}svg")
    assert len(drawings) == 2
    places = [(float(one.get("y", "")), float(one.get("height", ""))) for one in drawings]
    assert places[0][0] + places[0][1] < places[1][0]
    assert places[1][0] + places[1][1] < float(root.get("height", ""))
    texts = ["".join(one.itertext()) for one in root.findall(f"{SVG}text")]
    assert texts[:2] == ["Cost <&> time", "Second"]
    assert len(texts) == 2 + len(first.header) * (1 + len(first.rows))


def test_tables_that_differ_are_all_shown() -> None:
    first = chart()
    second = replace(chart("b"), rows=first.rows[:1])
    root = ElementTree.fromstring(svg_document([first, second]))  # noqa: S314 - drawn here
    cells = [one for one in root.findall(f"{SVG}text") if one.get("class") == "cell"]
    assert len(cells) == len(first.header) * (len(first.rows) + 1)
