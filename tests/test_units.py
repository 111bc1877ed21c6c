from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.units import Interval, Money, format_count, parse_count, parse_duration_s, parse_money

positive = st.floats(0.1, 1e6)


@pytest.mark.parametrize(
    ("written", "count"),
    [("1T", 10**12), ("7.5B", 7_500_000_000), ("300M", 300_000_000), ("4096", 4096), (" 2 K ", 2000), ("1_000", 1000)],
)
def test_counts_as_people_write_them(written: str, count: int) -> None:
    assert parse_count(written) == count


@pytest.mark.parametrize("written", ["", "T", "1 TB", "-5", "1.5", "0.0001K", "1e9", "5 tokens", "١٢"])
def test_other_counts_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"not a|unknown"):
        parse_count(written)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("1.5min", 90), ("36h", 129_600), ("90d", 7_776_000), ("2 w", 1_209_600)],
)
def test_durations(written: str, seconds: float) -> None:
    assert parse_duration_s(written) == seconds


@pytest.mark.parametrize("written", ["90", "90 days", "90m", "d", "3 months", "-1d"])
def test_other_durations_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"not a|unknown"):
        parse_duration_s(written)


def test_money_has_a_currency() -> None:
    assert parse_money("500000 EUR") == Money(Decimal(500000), "EUR")
    for wrong in ("500000", "EUR 500", "5 euro", "-5 EUR", "1,5 EUR"):
        with pytest.raises(ValueError, match="currency"):
            parse_money(wrong)


@given(number=st.integers(1, 999), suffix=st.sampled_from(["", "K", "M", "B", "T"]))
def test_short_counts_are_read_back(number: int, suffix: str) -> None:
    assert format_count(parse_count(f"{number}{suffix}")) == f"{number}{suffix}"


def test_an_interval_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="out of order"):
        Interval(2, 1, 3)


@given(a=positive, b=positive, wide=st.floats(1.0, 4.0), wider=st.floats(1.0, 4.0))
def test_the_product_of_independent_estimates_is_narrower_than_the_product_of_their_bounds(
    a: float, b: float, wide: float, wider: float
) -> None:
    product = Interval(a / wide, a, a * wide).times(Interval(b / wider, b, b * wider))
    assert product.best == pytest.approx(a * b)
    assert product.high <= a * b * wide * wider * (1 + 1e-9)
    assert product.high >= a * b * max(wide, wider) * (1 - 1e-9)
    assert math.log(product.high / product.best) == pytest.approx(math.log(product.best / product.low))


def test_estimates_are_rounded_and_exact_values_are_not() -> None:
    assert Interval(12345, 23456, 34567).rounded(3) == Interval(12300, 23500, 34600)
    assert Interval.exactly(2048).rounded(3) == Interval.exactly(2048)


def test_the_reciprocal_turns_the_bounds_round() -> None:
    assert Interval(2, 4, 8).reciprocal() == Interval(0.125, 0.25, 0.5)
