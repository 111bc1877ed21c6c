from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.charts import Chart, Point, scatter
from stellwerk.units import Interval
from tests.charts.drawing import assert_inside, texts, tree

_GROUPS = ("öffentlich", "privat")


def _exact(value: float) -> Interval:
    return Interval(value, value, value)


def _draw(*points: Point) -> Chart:
    return scatter(
        "chart-time-cost",
        "Dauer gegen Kosten",
        "…",
        points,
        _GROUPS,
        language="de",
        x_label="Kosten in EUR",
        y_label="Tage",
    )


def _markers(chart: Chart) -> list[tuple[float, float]]:
    moves = [node.attrib["transform"] for node in tree(chart).iter("path") if "marker" in node.attrib["class"]]
    places = [move.removeprefix("translate(").removesuffix(")").split() for move in moves]
    return [(float(x), float(y)) for x, y in places][len(_GROUPS) :][::-1]  # after the key, the first point on top


def test_the_table_holds_every_point_with_its_intervals() -> None:
    chart = _draw(
        Point("A", Interval(9000, 12345, 20000), Interval(8, 10, 14.5), "öffentlich"),
        Point("B", None, _exact(3), "privat"),
    )
    assert chart.header == ("Bezeichnung", "Gruppe", "Kosten in EUR", "Tage")
    assert chart.rows == (
        ("A", "öffentlich", "12.345 (9.000–20.000)", "10 (8–14,5)"),
        ("B", "privat", "unbekannt", "3"),
    )


def test_an_unknown_value_is_counted_and_never_drawn_as_zero() -> None:
    chart = _draw(Point("A", _exact(10), _exact(1), "privat"), Point("B", None, _exact(3), "privat"))
    assert len(_markers(chart)) == 1
    assert "1 Eintrag ohne bekannten Wert" in chart.note


def test_free_of_charge_has_a_lane_of_its_own_left_of_every_price() -> None:
    chart = _draw(Point("frei", _exact(0), _exact(5), "öffentlich"), Point("billig", _exact(0.01), _exact(5), "privat"))
    (free, _), (cheap, _) = _markers(chart)
    assert free < cheap - 20
    assert "0" in {text.content for text in texts(chart)}


def test_equal_ratios_are_equal_distances() -> None:
    points = [Point(str(cost), _exact(cost), _exact(1), "privat") for cost in (10, 100, 1000)]
    (first, _), (second, _), (third, _) = _markers(_draw(*points))
    assert second - first == pytest.approx(third - second, abs=0.2)


def test_groups_differ_in_shape() -> None:
    chart = _draw(Point("A", _exact(1), _exact(1), "öffentlich"), Point("B", _exact(2), _exact(2), "privat"))
    shapes = {node.attrib["class"]: node.attrib["d"] for node in tree(chart).iter("path")}
    assert shapes["marker series-0"] != shapes["marker series-1"]


def test_the_earlier_point_keeps_its_label_where_room_is_short() -> None:
    points = [Point(f"Angebot {index}", _exact(100), _exact(10), "privat") for index in range(30)]
    chart = _draw(*points)
    shown = [text.content for text in texts(chart) if "point-label" in text.classes]
    assert shown[0] == "Angebot 0"
    assert 0 < len(shown) < 30
    assert f"{30 - len(shown)} Punkte tragen" in chart.note


def test_a_group_that_is_not_named_and_a_negative_value_are_refused() -> None:
    with pytest.raises(ValueError, match="andere"):
        _draw(Point("A", _exact(1), _exact(1), "andere"))
    with pytest.raises(ValueError, match="negative"):
        _draw(Point("A", _exact(-1), _exact(1), "privat"))


_COST = st.one_of(st.none(), st.just(0.0), st.floats(min_value=1e-3, max_value=1e9))
_POINTS = st.lists(st.tuples(st.text(max_size=60), _COST, _COST, st.sampled_from(_GROUPS)), max_size=25)


@settings(max_examples=40)
@given(_POINTS)
def test_labels_stay_inside_and_apart(points: list[tuple[str, float | None, float | None, str]]) -> None:
    printable = [
        Point(
            "".join(character for character in label if character.isprintable()),
            None if x is None else Interval(0.8 * x, x, 1.5 * x),
            None if y is None else Interval(0.5 * y, y, 2 * y),
            group,
        )
        for label, x, y, group in points
    ]
    chart = _draw(*printable)
    assert_inside(chart)
    labels = [text for text in texts(chart) if "point-label" in text.classes and text.content]
    for index, one in enumerate(labels):
        for other in labels[index + 1 :]:
            assert abs(one.y - other.y) >= 11.5 or one.right <= other.left or other.right <= one.left


def test_a_bound_without_end_reaches_the_border_and_is_a_sign_in_the_table() -> None:
    chart = _draw(Point("A", Interval(9, 10, float("inf")), _exact(5), "privat"))
    assert chart.rows[0][2] == "10 (9–∞)"
    assert "nan" not in str(chart.svg)
    assert "inf" not in str(chart.svg)
