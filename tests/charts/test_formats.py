from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from stellwerk.charts import format_date, format_interval, format_number, format_significant
from stellwerk.units import Interval


@pytest.mark.parametrize(
    ("value", "decimals", "german", "english"),
    [
        (1234.5, 1, "1.234,5", "1,234.5"),
        (33212, 0, "33.212", "33,212"),
        (Decimal("2.8665"), 2, "2,87", "2.87"),
        (-0.4, 0, "0", "0"),
        (-1234, 0, "−1.234", "−1,234"),
        (1e9, 0, "1.000.000.000", "1,000,000,000"),
    ],
)
def test_numbers_follow_the_language(value: float | Decimal, decimals: int, german: str, english: str) -> None:
    assert format_number(value, "de", decimals) == german
    assert format_number(value, "en", decimals) == english


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.04567, "0.0457"), (12.3456, "12.3"), (12.0, "12"), (1234.5, "1,234"), (0.5, "0.5"), (9.999, "10")],
)
def test_significant_figures_never_round_whole_digits_away(value: float, shown: str) -> None:
    assert format_significant(value, "en") == shown


def test_a_bound_without_end_is_a_sign_not_a_crash() -> None:
    assert format_interval(Interval(1, 2, float("inf")), "en") == "2 (1–∞)"


def test_an_interval_shows_its_bounds_and_an_exact_value_none() -> None:
    assert format_interval(Interval(10.06, 12.34, 15), "de") == "12,3 (10,1–15)"
    assert format_interval(Interval(7, 7, 7), "en") == "7"


def test_dates_are_written_out_in_each_language() -> None:
    day = datetime.date(2026, 3, 1)
    assert format_date(day, "de") == "1. März 2026"
    assert format_date(day, "en") == "1 March 2026"
