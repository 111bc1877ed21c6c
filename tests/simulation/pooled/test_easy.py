from __future__ import annotations

import pytest
from hypothesis import given, settings

from stellwerk.simulation.pooled import easy_starts_s
from tests.simulation.pooled.logs import Row, columns, rows


@pytest.mark.parametrize(("arrivals_first", "starts_s"), [(False, [0, 1, 4]), (True, [0, 2, 1])])
def test_a_pass_before_the_ends_of_its_second_may_give_a_hole_away(arrivals_first: bool, starts_s: list[int]) -> None:
    # The first job ends at second 1, three earlier than expected, when the third arrives.
    log = columns([Row(0, 1, 4, 1), Row(0, 3, 3, 4), Row(1, 1, 2, 1)])
    assert easy_starts_s(*log, 4, True, arrivals_first).tolist() == starts_s


def test_a_limit_of_centuries_does_not_change_what_the_others_get() -> None:
    # One running job may take 3,000 years, so that all expected ends share one bucket but its own.
    log = [
        Row(0, 9, 10**11, 1),
        Row(0, 10, 10, 2),
        Row(0, 12, 12, 2),
        Row(1, 5, 5, 3),
        Row(2, 8, 8, 1),
        Row(2, 9, 11, 1),
    ]
    assert easy_starts_s(*columns(log), 6, True, False).tolist() == [0, 0, 0, 10, 2, 9]


@given(rows=rows(8))
@settings(max_examples=100)
def test_without_backfilling_the_order_within_one_second_changes_nothing(rows: list[Row]) -> None:
    log = columns(rows)
    assert easy_starts_s(*log, 8, False, True).tolist() == easy_starts_s(*log, 8, False, False).tolist()
