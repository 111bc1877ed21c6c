from __future__ import annotations

import pytest

from stellwerk.charts import Chart, format_duration, heat_map
from tests.charts.drawing import assert_inside, texts, tree


def _draw(values: list[list[float | None]], bounds: tuple[float, ...] = (0, 60, 3600)) -> Chart:
    return heat_map(
        "chart-sizes",
        "Wartezeit nach Größe",
        "…",
        ["1 Knoten", "2–3 Knoten"],
        ["bis 1 h", "bis 1 d", "darüber"],
        values,
        language="de",
        bounds=bounds,
        show=lambda value: format_duration(value, "de"),
        row_label="Größe",
        column_label="Laufzeit",
    )


def _cells(chart: Chart) -> list[tuple[str, float, float]]:
    nodes = [node for node in tree(chart).iter("rect") if node.attrib["width"] != "16"]
    return [(node.attrib["class"], float(node.attrib["x"]), float(node.attrib["y"])) for node in nodes]


def test_the_table_holds_every_cell_and_an_empty_one_is_no_zero() -> None:
    chart = _draw([[0, 90, None], [30, 7200, 60]])
    assert chart.header == ("Größe", "bis 1 h", "bis 1 d", "darüber")
    assert chart.rows == (("1 Knoten", "0 s", "1,5 min", "–"), ("2–3 Knoten", "30 s", "2 h", "1 min"))
    assert len(_cells(chart)) == 5
    assert chart.note


def test_shades_follow_the_bounds_a_bound_belongs_to_the_paler_side() -> None:
    chart = _draw([[0, 60, 61], [3600, 3601, None]])
    assert [class_ for class_, _, _ in _cells(chart)] == [f"heat heat-{shade}" for shade in (0, 1, 2, 2, 3)]


def test_the_first_row_lies_at_the_bottom_and_columns_go_to_the_right() -> None:
    (_, x, y), (_, further, _), (_, _, above) = _cells(_draw([[1, 1, None], [1, None, None]]))
    assert further > x
    assert above < y


def test_each_cell_carries_its_value_and_the_key_says_what_a_shade_means() -> None:
    shown = [text.content for text in texts(_draw([[0, 90, 7200], [None, None, None]]))]
    for expected in ("0 s", "1,5 min", "2 h", "≤ 1 min", "≤ 1 h", "> 1 h"):
        assert expected in shown


def test_everything_stays_inside() -> None:
    assert_inside(_draw([[1e9, 1.5e7, 86_399], [0, 1, 2]], bounds=(0, 60, 600, 3600, 21_600, 86_400)))


def test_tables_of_another_shape_and_too_many_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="no table of 2 rows and 3 columns"):
        _draw([[1, 2, 3]])
    with pytest.raises(ValueError, match="at most 6"):
        _draw([[1, 2, 3], [1, 2, 3]], bounds=(1, 2, 3, 4, 5, 6, 7))
