from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.charts import Axis, Chart, Line, Panel, step_lines
from tests.charts.drawing import assert_inside, texts, tree, view_box

_WAIT = Axis("Wartezeit", "duration")
_SHARE = Axis("Anteil der Jobs", "share")
_BEFORE = Line("vorher", (0.0, 60.0, 7200.0), (0.5, 0.75, 1.0))
_AFTER = Line("nachher", (0.0, 3600.0), (0.9, 1.0))


def _draw(*panels: Panel, x_axis: Axis = _WAIT, y_axis: Axis = _SHARE) -> Chart:
    return step_lines(
        "chart-waits", "Wartezeiten", "…", panels, language="de", x_axis=x_axis, y_axis=y_axis, table_at=(0, 60, 3600)
    )


def _paths(chart: Chart) -> list[tuple[str, str]]:
    """Class and path of each line, without those of the key."""
    nodes = [node for node in tree(chart).iter("path") if node.attrib["class"].startswith("line ")]
    return [(node.attrib["class"], node.attrib["d"]) for node in nodes if "V" in node.attrib["d"]]


def test_the_table_holds_the_value_that_each_line_has_there() -> None:
    chart = _draw(Panel("", (_BEFORE, _AFTER)))
    assert chart.header == ("Wartezeit", "vorher", "nachher")
    assert chart.rows == (
        ("0", "50,0 %", "90,0 %"),
        ("1 min", "75,0 %", "90,0 %"),
        ("1 h", "75,0 %", "100,0 %"),
    )


def test_a_value_holds_until_the_next_one() -> None:
    (_, path), *_ = _paths(_draw(Panel("", (Line("a", (1, 3), (2, 4)),)), x_axis=Axis("Tag"), y_axis=Axis("Jobs")))
    moves = re.findall(r"[MHV][\d. ]+", path)
    start, *steps = moves
    assert start[0] == "M"
    assert [step[0] for step in steps] == ["H", "V", "H", "V", "H"]  # never a slope
    assert steps[0][1:] == start.split()[0][1:]


def test_a_line_ends_where_it_is_said_to() -> None:
    line = Line("a", (0, 3), (2, 4), end=7)
    chart = step_lines(
        "chart-a", "A", "…", [Panel("", (line,))], language="en", x_axis=Axis("day"), y_axis=Axis("jobs")
    )
    (_, path), *_ = _paths(chart)
    axis = next(node.attrib["d"] for node in tree(chart).iter("path") if node.attrib["class"] == "axis")
    ends, goes_on = (float(re.findall(r"H([\d.]+)", drawn)[-1]) for drawn in (path, axis))
    assert ends < goes_on - 10  # the axis goes on to a round number
    assert chart.rows[-1] == ("8", "–")
    assert chart.rows[-2] == ("6", "4")


def test_an_axis_of_durations_has_marks_that_people_say() -> None:
    marks = {text.content for text in texts(_draw(Panel("", (_BEFORE,)))) if "tick" in text.classes}
    assert {"0", "1 min", "10 min", "1 h", "6 h"} <= marks


def test_series_differ_in_dashes_and_in_shape_and_look_alike_in_every_panel() -> None:
    chart = _draw(Panel("klein", (_BEFORE, _AFTER)), Panel("groß", (_AFTER, _BEFORE)))
    assert [class_ for class_, _ in _paths(chart)] == [f"line series-{look} dash-{look}" for look in (0, 1, 1, 0)]
    shapes = {
        node.attrib["class"]: node.attrib["d"] for node in tree(chart).iter("path") if "marker" in node.attrib["class"]
    }
    assert len(set(shapes.values())) == len(shapes) == 2


def test_several_panels_stand_in_two_columns_of_the_same_scale() -> None:
    one, two = _draw(Panel("", (_BEFORE,))), _draw(*(Panel(f"Größe {size}", (_BEFORE,)) for size in range(3)))
    assert view_box(two)[0] == view_box(one)[0]
    titles = [text for text in texts(two) if "panel-title" in text.classes]
    assert [title.content for title in titles] == ["Größe 0", "Größe 1", "Größe 2"]
    assert titles[0].y == titles[1].y < titles[2].y
    assert two.header == ("Wartezeit", "Größe 0 · vorher", "Größe 1 · vorher", "Größe 2 · vorher")


def test_many_values_on_one_pixel_become_their_span() -> None:
    peak = Line("a", [index / 100 for index in range(100_000)], [float(index % 7) for index in range(100_000)])
    chart = _draw(Panel("", (peak,)), x_axis=Axis("s"), y_axis=Axis("Jobs"))
    assert len(chart.svg) < 40_000
    ((_, path),) = _paths(chart)
    flat = _paths(_draw(Panel("", (Line("a", (0, 1), (6, 0)),)), x_axis=Axis("s"), y_axis=Axis("Jobs")))[0][1]
    assert min(re.findall(r"V([\d.]+)", path), key=float) == re.findall(r"M[\d.]+ ([\d.]+)", flat)[0]


def test_a_line_that_has_not_begun_and_one_without_values_say_so_in_the_table() -> None:
    chart = _draw(Panel("", (Line("spät", (120.0,), (1.0,)), Line("leer", (), ()))))
    assert chart.rows[0] == ("0", "–", "unbekannt")
    assert chart.rows[2] == ("1 h", "100,0 %", "unbekannt")


def test_a_long_name_does_not_leave_the_key() -> None:
    assert_inside(_draw(Panel("", (Line("vorher" * 40, (0, 1), (0, 1)), Line("nachher" * 40, (0, 1), (0, 1))))))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (Line("a", (1, 2), (1,)), "2 places for 1 values"),
        (Line("a", (2, 1), (1, 1)), "must not decrease"),
        (Line("a", (1,), (-1,)), "negative"),
        (Line("a", (1, 4), (1, 1), end=3), "the end lies before the last place"),
    ],
)
def test_lines_that_cannot_be_drawn_are_refused(line: Line, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _draw(Panel("", (line,)))


_VALUE = st.just(0.0) | st.floats(min_value=1e-9, max_value=1e9)


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.tuples(_VALUE, _VALUE), max_size=12), min_size=1, max_size=5),
    st.sampled_from(("number", "duration")),
)
def test_everything_stays_inside(columns: list[list[tuple[float, float]]], kind: str) -> None:
    panels = [
        Panel(f"Feld {number}", (Line("a", *zip(*sorted(points), strict=True)) if points else Line("a", (), ()),))
        for number, points in enumerate(columns)
    ]
    chart = _draw(*panels, x_axis=Axis("x", kind), y_axis=Axis("y", kind))  # type: ignore[arg-type]
    assert_inside(chart)
    assert "nan" not in str(chart.svg)
