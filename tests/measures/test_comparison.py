from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stellwerk.errors import InputError
from stellwerk.measures import compare, indicators
from stellwerk.simulation import Schedule

BEFORE = Schedule.of_processors(
    *(np.array(column) for column in ([1, 2, 3], [0, 0, 0], [0, 10, 20], [10, 20, 30], [4, 4, 2]))
)
AFTER = replace(BEFORE, start_s=np.array([0, 5, 40]), end_s=np.array([10, 15, 50]))


def test_equal_schedules_do_not_differ() -> None:
    found = compare(BEFORE, BEFORE, processors=4)
    assert found.differing_starts == 0
    assert set(found.changes.values()) == {0}


def test_starts_are_counted_by_direction() -> None:
    found = compare(BEFORE, AFTER, processors=4)
    assert (found.differing_starts, found.earlier_starts, found.later_starts) == (2, 1, 1)


def test_changes_are_after_minus_before() -> None:
    found = compare(BEFORE, AFTER, processors=4)
    assert found.before == indicators(BEFORE, processors=4)
    assert found.changes["mean_wait_s"] == pytest.approx(45 / 3 - 30 / 3)
    assert found.changes["makespan_s"] == 20
    assert found.changes["utilisation"] < 0


def test_jobs_are_matched_by_place_because_cleaned_logs_number_them_anew() -> None:
    assert compare(BEFORE, replace(BEFORE, job_id=BEFORE.job_id + 7), processors=4).differing_starts == 0


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(BEFORE, processors=np.array([4, 4, 3])), r"job 3 of the one \(row 3"),
        (replace(BEFORE, submit_s=np.array([0, 1, 0])), r"job 2 of the one \(row 2"),
        (Schedule.of_processors(*(np.array([number]) for number in (1, 0, 0, 10, 4))), "hold 3 and 1 jobs"),
    ],
)
def test_schedules_of_different_jobs_are_refused(other: Schedule, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare(BEFORE, other, processors=4)
