from __future__ import annotations

from xml.etree import ElementTree

from stellwerk.charts import Bar, Chart, horizontal_bars, standalone
from stellwerk.charts.svg import text_width

_SVG = "{http://www.w3.org/2000/svg}"


def _bars() -> Chart:
    bars = [Bar("<A> & a long name that goes on", (30, None)), Bar("B", (15, 2))]
    return horizontal_bars("chart-x", "A title", "What it shows", bars, ("used", "free"), language="en", unit="GPUs")


def _root(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(standalone(chart, "en"))  # noqa: S314 - our own output


def test_the_picture_is_one_image_with_a_name_and_a_description() -> None:
    root = _root(_bars())
    images = [node for node in root.iter() if node.attrib.get("role") == "img"]
    assert len(images) == 1
    named = {node.attrib["id"]: node.text for node in images[0] if "id" in node.attrib}
    assert named[images[0].attrib["aria-labelledby"]] == "A title"
    assert named[images[0].attrib["aria-describedby"]] == "What it shows"


def test_the_table_stands_beneath_outside_the_image_row_by_row() -> None:
    chart = _bars()
    (table,) = [node for node in _root(chart) if node.attrib.get("role") == "table"]
    rows = [[cell.text or "" for cell in row] for row in table if row.attrib.get("role") == "row"]
    assert rows == [list(chart.header), *map(list, chart.rows)]
    roles = [[cell.attrib["role"] for cell in row] for row in table if row.attrib.get("role") == "row"]
    assert roles[0] == ["columnheader"] * 3
    assert roles[1] == ["rowheader", "cell", "cell"]


def test_everything_lies_inside_the_file_and_columns_do_not_meet() -> None:
    root = _root(_bars())
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
    written = standalone(_bars(), "de")
    assert "prefers-color-scheme: dark" in written
    assert written.count("http") == 1  # the name of the format
    assert 'lang="de"' in written
    assert f"{_SVG}svg" == ElementTree.fromstring(written).tag  # noqa: S314 - our own output
