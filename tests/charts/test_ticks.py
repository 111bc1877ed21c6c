from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.charts.ticks import linear_ticks, log_ticks

_POSITIVE = st.floats(min_value=1e-6, max_value=1e12)


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [
        (24536, (0, 5000, 10000, 15000, 20000, 25000)),
        (96, (0, 20, 40, 60, 80, 100)),
        (1, (0, 0.2, 0.4, 0.6, 0.8, 1.0)),
    ],
)
def test_linear_ticks_are_round(largest: float, ticks: tuple[float, ...]) -> None:
    assert linear_ticks(largest) == ticks


@settings(max_examples=60)
@given(_POSITIVE)
def test_linear_ticks_enclose_the_largest_value(largest: float) -> None:
    ticks = linear_ticks(largest)
    assert ticks[0] == 0
    assert ticks[-2] < largest <= ticks[-1] * (1 + 1e-9)
    assert 4 <= len(ticks) <= 8


def test_log_ticks_are_decades_over_a_wide_range() -> None:
    assert log_ticks(3, 40_000) == (1, 10, 100, 1000, 10_000, 100_000)


def test_log_ticks_have_steps_between_decades_over_a_narrow_range() -> None:
    assert log_ticks(3, 40) == (2, 5, 10, 20, 50)


@settings(max_examples=60)
@given(_POSITIVE, _POSITIVE)
def test_log_ticks_enclose_both_ends(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = log_ticks(low, high)
    assert ticks[0] <= low * (1 + 1e-9)
    assert ticks[-1] >= high * (1 - 1e-9)
    assert list(ticks) == sorted(set(ticks))
    assert len(ticks) >= 2
