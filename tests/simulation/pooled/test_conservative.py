from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.simulation.pooled import conservative_starts_s, replanned_starts_s
from tests.simulation.pooled.logs import CASES, Case, Row, columns, rows

MACHINE = 8
CONSERVATIVE = [case for case in CASES if case.policy.startswith("conservative")]


@given(rows=rows(MACHINE), case=st.sampled_from(CONSERVATIVE), kept=st.integers(1, 25))
@settings(max_examples=120)
def test_where_limits_are_exact_nobody_is_delayed_by_a_later_arrival(rows: list[Row], case: Case, kept: int) -> None:
    exact = [row._replace(limit_s=row.run_s) for row in rows]
    assert (
        case.starts_s(columns(exact[:kept]), MACHINE).tolist() == case.starts_s(columns(exact), MACHINE)[:kept].tolist()
    )


def test_a_small_job_fills_a_hole_without_touching_any_reservation() -> None:
    # The second waits for the first; the third fits into the hole before it, the fourth is a second too long.
    log = [Row(0, 10, 10, 6), Row(1, 5, 5, 8), Row(2, 8, 8, 2), Row(3, 9, 9, 2)]
    for case in CONSERVATIVE:
        assert case.starts_s(columns(log), MACHINE).tolist() == [0, 10, 2, 15]


def test_a_reservation_is_kept_where_replanning_gives_it_away() -> None:
    # At second 2 both running jobs end, the second of them earlier than expected. The last job was promised that
    # second; planned anew, the third job, which was to wait until second 5, comes before it.
    log = columns([Row(0, 2, 2, 2), Row(0, 2, 5, 2), Row(1, 1, 2, 3), Row(1, 2, 2, 2)])
    assert conservative_starts_s(*log, 4, False).tolist() == [0, 0, 4, 2]
    assert replanned_starts_s(*log, 4).tolist() == [0, 0, 2, 3]


@pytest.mark.parametrize(("ends_first", "starts_s"), [(False, [1, 4, 3]), (True, [1, 3, 6])])
def test_the_order_within_one_second_decides_who_takes_what_an_early_end_gives_back(
    ends_first: bool, starts_s: list[int]
) -> None:
    # The first job ends at second 3, one earlier than expected, when the third arrives.
    log = columns([Row(1, 2, 3, 1), Row(1, 3, 3, 4), Row(3, 1, 1, 1)])
    assert conservative_starts_s(*log, 4, ends_first).tolist() == starts_s
