from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

from stellwerk.charts import Bar, Chart, Point, horizontal_bars, scatter, svg_document
from stellwerk.charts.svg import text_width
from stellwerk.units import Interval

SVG = "{http://www.w3.org/2000/svg}"


def chart(chart_id: str = "a", title: str = "Cost <&> time") -> Chart:
    points = [Point(str(x), Interval.exactly(x), Interval(x, 2 * x, 3 * x), "measured") for x in (1.0, 4.0, 9.0)]
    points += [Point(str(x), Interval.exactly(x), Interval.exactly(x), "ideal") for x in (1.0, 9.0)]
    return scatter(
        chart_id, title, "d", points, ("measured", "ideal"), language="en", x_label="x", y_label="y", joined=True
    )


def bars() -> Chart:
    bars = [Bar("<A> & a long name that goes on", (30, None)), Bar("B", (15, 2))]
    return horizontal_bars("chart-x", "A title", "What it shows", bars, ("used", "free"), language="en", unit="GPUs")


def root_of(*charts: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(svg_document(charts, "en"))  # noqa: S314 - our own output


def test_joined_points_are_a_line_of_their_group_without_labels() -> None:
    svg = ElementTree.fromstring(str(chart().svg))  # noqa: S314 - drawn here
    lines = [one.get("d", "") for one in svg.iter("path") if "line series-" in one.get("class", "")]
    drawn = [one for one in lines if "L" in one]
    assert [one.count("L") for one in drawn] == [2, 1]
    assert not [one for one in svg.iter("text") if one.get("class") == "point-label"]
    assert chart().note == ""


def test_a_document_holds_every_picture_below_the_one_before_and_each_table_once() -> None:
    first = chart()
    second = replace(chart("b", "Second"), header=first.header, rows=first.rows)
    root = root_of(first, second)
    pictures = [one for one in root if one.get("role") == "img"]
    tops = [float(one.get("transform", "").removeprefix("translate(0 ").removesuffix(")")) for one in pictures]
    height = float(str(first.svg).split('viewBox="', 1)[1].split('"', 1)[0].split()[3])
    assert len(tops) == 2
    assert tops[0] + height < tops[1]
    assert tops[1] + height < float(root.get("height", ""))
    texts = ["".join(one.itertext()) for one in root.findall(f"{SVG}text")]
    assert texts == ["Cost <&> time", "Second", "Figures behind the picture"]
    (table,) = (one for one in root if one.get("role") == "table")
    assert len(table.findall(f".//{SVG}text")) == len(first.header) * (1 + len(first.rows))


def test_tables_that_differ_are_all_shown() -> None:
    first = chart()
    second = replace(chart("b"), rows=first.rows[:1])
    rows = [one for one in root_of(first, second).iter() if one.get("role") == "row"]
    assert len(rows) == (1 + len(first.rows)) + 2


def test_the_picture_is_one_image_with_a_name_and_a_description() -> None:
    root = root_of(bars())
    images = [node for node in root.iter() if node.attrib.get("role") == "img"]
    assert len(images) == 1
    named = {node.attrib["id"]: node.text for node in images[0] if "id" in node.attrib}
    assert named[images[0].attrib["aria-labelledby"]] == "A title"
    assert named[images[0].attrib["aria-describedby"]] == "What it shows"


def test_the_table_stands_beneath_outside_the_image_row_by_row() -> None:
    chart = bars()
    (table,) = [node for node in root_of(chart) if node.attrib.get("role") == "table"]
    rows = [[cell.text or "" for cell in row] for row in table if row.attrib.get("role") == "row"]
    assert rows == [list(chart.header), *map(list, chart.rows)]
    roles = [[cell.attrib["role"] for cell in row] for row in table if row.attrib.get("role") == "row"]
    assert roles[0] == ["columnheader"] * 3
    assert roles[1] == ["rowheader", "cell", "cell"]


def test_everything_lies_inside_the_file_and_columns_do_not_meet() -> None:
    root = root_of(bars())
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    (table,) = [node for node in root if node.attrib.get("role") == "table"]
    for row in (node for node in table if node.attrib.get("role") == "row"):
        reached = left
        for cell in row:
            x, wide = float(cell.attrib["x"]), text_width(cell.text or "")
            begins = x - wide if cell.attrib.get("text-anchor") == "end" else x
            assert begins >= reached
            reached = begins + wide
            assert reached <= left + width
            assert top < float(cell.attrib["y"]) < top + height


def test_the_file_brings_its_style_and_asks_for_nothing() -> None:
    written = svg_document([bars()], "de")
    assert "prefers-color-scheme: dark" in written
    assert written.count("http") == 1  # the name of the format
    assert 'lang="de"' in written
    assert f"{SVG}svg" == ElementTree.fromstring(written).tag  # noqa: S314 - our own output
