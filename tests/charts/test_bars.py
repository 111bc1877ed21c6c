from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stellwerk.charts import Bar, Chart, horizontal_bars, stacked_bars
from tests.charts.drawing import assert_inside, texts, tree

_VALUES = st.one_of(st.none(), st.just(0.0), st.floats(min_value=1e-3, max_value=1e9))
_LABELS = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=1, max_size=80)


def _capacity(*bars: Bar, series: tuple[str, ...] = ("Beschleuniger",)) -> Chart:
    return horizontal_bars("chart-x", "Titel", "Beschreibung", bars, series, language="de", unit="Beschleuniger")


def test_the_table_holds_the_numbers_of_the_picture() -> None:
    chart = _capacity(Bar("Gauss", (24536, 100)), Bar("NHR", (3012, None)), series=("in Betrieb", "im Aufbau"))
    assert chart.header == ("Bezeichnung", "in Betrieb", "im Aufbau")
    assert chart.rows == (("Gauss", "24.536", "100"), ("NHR", "3.012", "unbekannt"))


def test_an_unknown_value_is_a_word_and_no_bar() -> None:
    chart = _capacity(Bar("bekannt", (10,)), Bar("ohne", (None,)))
    assert len(list(tree(chart).iter("rect"))) == 1
    assert "unbekannt" in {text.content for text in texts(chart)}


def test_bars_are_as_long_as_their_values() -> None:
    widths = [float(node.attrib["width"]) for node in tree(_capacity(Bar("a", (30,)), Bar("b", (15,)))).iter("rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)


def test_series_differ_in_more_than_colour() -> None:
    chart = _capacity(Bar("a", (3, 2, 1)), series=("x", "y", "z"))
    assert len({node.attrib["d"] for node in tree(chart).iter("path")}) == 2  # the first series is plain
    assert {"x", "y", "z"} <= {text.content for text in texts(chart)}


def test_the_picture_names_and_describes_itself() -> None:
    root = tree(_capacity(Bar("a", (1,))))
    assert root.attrib["role"] == "img"
    named = {node.attrib["id"]: node.text for node in root if "id" in node.attrib}
    assert named[root.attrib["aria-labelledby"]] == "Titel"
    assert named[root.attrib["aria-describedby"]] == "Beschreibung"


def test_labels_are_escaped() -> None:
    assert "<script" not in _capacity(Bar("<script>alert(1)</script>", (1,))).svg


def test_negative_and_missing_values_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        _capacity(Bar("a", (-1,)))
    with pytest.raises(ValueError, match="2 values for 1 names"):
        _capacity(Bar("a", (1, 2)))
    with pytest.raises(ValueError, match="at most 8"):
        _capacity(Bar("a", (1,) * 9), series=tuple("abcdefghi"))


def test_parts_end_with_their_sum_and_the_limit_is_in_key_and_table() -> None:
    chart = stacked_bars(
        "chart-memory",
        "Memory",
        "by part",
        [Bar("A", (13.5, 27.0), 80), Bar("B", (13.5, None), 40)],
        ["weights", "optimizer"],
        language="en",
        unit="GB",
        decimals=1,
        limit_name="device memory",
    )
    assert chart.header == ("Name", "weights", "optimizer", "Total", "device memory")
    assert chart.rows == (("A", "13.5", "27.0", "40.5", "80.0"), ("B", "13.5", "unknown", "13.5 + unknown", "40.0"))
    assert sum("limit" in node.attrib["class"] for node in tree(chart).iter("line")) == 3  # two rows and the key
    assert {"device memory", "40.5 / 80.0", "13.5 + unknown / 40.0"} <= {text.content for text in texts(chart)}


def test_a_limit_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name"):
        stacked_bars("c", "t", "d", [Bar("A", (1,), 2)], ["p"], language="en", unit="GB")


@settings(max_examples=40)
@example([(":", None, None, 0.001953125)])
@given(st.lists(st.tuples(_LABELS, _VALUES, _VALUES, _VALUES), min_size=1, max_size=6))
@example([("I", None, None, None)])
def test_nothing_leaves_the_drawing(rows: list[tuple[str, float | None, float | None, float | None]]) -> None:
    bars = [Bar(label, (one, other), limit) for label, one, other, limit in rows]
    assert_inside(horizontal_bars("c", "t", "d", bars, ["p", "q"], language="de", unit="GPU"))
    assert_inside(
        stacked_bars("c", "t", "d", bars, ["p", "q"], language="de", unit="GPU", decimals=1, limit_name="Grenze")
    )
