from __future__ import annotations

import numpy as np
import pytest

from stellwerk.measures import indicators
from stellwerk.simulation import Schedule


def schedule_of(*rows: tuple[int, int, int, int]) -> Schedule:
    """Rows of submit, start, end, processors."""
    submit_s, start_s, end_s, processors = np.array(rows).T
    return Schedule.of_processors(np.arange(1, len(rows) + 1), submit_s, start_s, end_s, processors)


def test_waits_count_from_submission() -> None:
    found = indicators(schedule_of((0, 0, 5, 1), (2, 5, 9, 1), (4, 16, 20, 1)), processors=1)
    assert found.jobs == 3
    assert found.mean_wait_s == pytest.approx((0 + 3 + 12) / 3)
    assert found.median_wait_s == 3


def test_the_slowdown_of_a_short_job_is_bounded_by_ten_seconds() -> None:
    assert indicators(schedule_of((0, 20, 25, 1)), processors=1).bounded_slowdown == pytest.approx(25 / 10)


def test_the_slowdown_of_a_long_job_is_its_response_over_its_run_time() -> None:
    assert indicators(schedule_of((0, 20, 60, 1)), processors=1).bounded_slowdown == pytest.approx(60 / 40)


def test_no_job_is_faster_than_without_waiting() -> None:
    assert indicators(schedule_of((0, 1, 3, 1)), processors=1).bounded_slowdown == 1.0


def test_utilisation_counts_from_the_first_submit_to_the_last_end() -> None:
    found = indicators(schedule_of((10, 12, 22, 3), (11, 22, 30, 1)), processors=4)
    assert found.makespan_s == 20
    assert found.utilisation == pytest.approx((10 * 3 + 8 * 1) / (4 * 20))


def test_a_long_log_does_not_overflow() -> None:
    century_s = 3_000_000_000
    found = indicators(schedule_of((0, 0, century_s, 10**10)), processors=10**10)
    assert found.utilisation == pytest.approx(1.0)
