from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.charts import Chart, Rise, rising_bars
from tests.charts.drawing import assert_inside, texts, tree

_GROUPS = ("whole", "computing", "waiting")


def _chart(*rises: Rise, total: float | None = None) -> Chart:
    whole = sum(rise.value for rise in rises) if total is None else total
    return rising_bars(
        "chart-rise",
        "Title",
        "Description",
        rises,
        _GROUPS,
        language="en",
        unit="seconds",
        decimals=1,
        total=Rise("sum", whole, 0, "40%"),
        columns=("added", "so far", "MFU"),
    )


def _bars(chart: Chart) -> list[tuple[float, float]]:
    """Where each bar of the plot begins and ends, hatchings and the key left out."""
    rows = [node for node in tree(chart).iter("rect") if "bar" in node.attrib.get("class", "")]
    boxes = [(float(node.attrib["x"]), float(node.attrib["width"])) for node in rows if node.attrib["height"] == "20"]
    return [(x, x + width) for x, width in boxes]


def test_each_bar_begins_where_the_one_before_ends_and_the_total_at_zero() -> None:
    chart = _chart(Rise("ideal", 6.0, 0, "100%"), Rise("a", 3.0, 1, "67%"), Rise("b", 1.0, 2, "60%"))
    ideal, a, b, total = _bars(chart)
    assert a[0] == pytest.approx(ideal[1], abs=0.2)
    assert b[0] == pytest.approx(a[1], abs=0.2)
    assert total == pytest.approx((ideal[0], b[1]), abs=0.2)
    assert ideal[1] - ideal[0] == pytest.approx(2 * (a[1] - a[0]), abs=0.3)


def test_what_takes_away_goes_back_and_says_so() -> None:
    chart = _chart(Rise("ideal", 6.0, 0, ""), Rise("faster", -2.0, 1, ""))
    _, faster, total = _bars(chart)
    assert total[1] == pytest.approx(faster[0], abs=0.2)
    assert "−2.0" in {text.content for text in texts(chart)}


def test_the_table_holds_what_is_added_the_value_so_far_and_the_note() -> None:
    chart = _chart(Rise("ideal", 6.0, 0, "100%"), Rise("nothing", 0.0, 2, "100%"), Rise("a", 3.0, 1, "67%"))
    assert chart.header == ("Name", "added", "so far", "MFU")
    assert chart.rows == (
        ("ideal", "6.0", "6.0", "100%"),
        ("nothing", "0", "6.0", "100%"),
        ("a", "+3.0", "9.0", "67%"),
        ("sum", "", "9.0", "40%"),
    )


def test_what_takes_nothing_is_not_drawn_and_not_in_the_key() -> None:
    chart = _chart(Rise("ideal", 6.0, 0, ""), Rise("nothing", 0.0, 2, ""), Rise("a", 3.0, 1, ""))
    assert len(_bars(chart)) == 3
    shown = {text.content for text in texts(chart)}
    assert "computing" in shown
    assert not {"nothing", "waiting"} & shown


def test_sums_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to 9, not to 12"):
        _chart(Rise("ideal", 6.0, 0, ""), Rise("a", 3.0, 1, ""), total=12.0)
    with pytest.raises(ValueError, match="negative"):
        _chart(Rise("ideal", 6.0, 0, ""), Rise("a", -7.0, 1, ""), total=-1.0)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.text("ABCxyz ", min_size=1, max_size=60), st.floats(0, 1e6)), min_size=1, max_size=13),
    st.floats(1e-3, 1e6),
)
def test_nothing_leaves_the_drawing(steps: list[tuple[str, float]], first: float) -> None:
    assert_inside(_chart(Rise("I", first, 0, "100.0 %"), *(Rise(label, value, 1, "9.9 %") for label, value in steps)))
