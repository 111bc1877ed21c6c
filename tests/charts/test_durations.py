from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.charts import Language, format_duration
from stellwerk.charts.durations import duration_ticks

_POSITIVE = st.floats(min_value=1e-3, max_value=8e10)


@pytest.mark.parametrize(
    ("duration_s", "language", "shown"),
    [
        (0, "en", "0 s"),
        (0.5, "de", "0,5 s"),
        (59, "en", "59 s"),
        (90, "en", "1.5 min"),
        (90, "de", "1,5 min"),
        (3600, "de", "1 h"),
        (86_400 * 12, "en", "12 d"),
        (86_400 * 1234, "de", "1.234 d"),
    ],
)
def test_a_duration_is_said_in_the_largest_unit_that_it_fills(
    duration_s: float, language: Language, shown: str
) -> None:
    assert format_duration(duration_s, language) == shown


def test_ticks_are_the_durations_that_people_say() -> None:
    shown = [format_duration(tick, "en") for tick in duration_ticks(5, 86_400 * 5)]
    assert shown == ["1 s", "10 s", "1 min", "10 min", "1 h", "6 h", "1 d", "7 d"]


@given(_POSITIVE, _POSITIVE)
def test_ticks_enclose_both_ends(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = duration_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert list(ticks) == sorted(set(ticks))
    assert len(ticks) >= 2
