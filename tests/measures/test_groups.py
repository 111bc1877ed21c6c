from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.measures import indicators_by_group, indicators_by_size, size_class, sizes_of_class, summarise_waits

WAIT_S = np.array([0, 100, 200, 300, 40])
RUN_S = np.array([50, 5, 3600, 7200, 3600])
UNITS = np.array([1, 1, 8, 4, 2])


def test_groups_keep_their_jobs_apart() -> None:
    code = np.array([1, 0, 1, 0, -1])
    first, second = indicators_by_group(code, ["b", "a", "nobody"], wait_s=WAIT_S, run_s=RUN_S, units=UNITS)
    assert (first.name, first.jobs, first.wait.mean_s, first.wait.p50_s) == ("b", 2, 200, 200)
    assert (second.name, second.jobs, second.wait.mean_s) == ("a", 2, 100)
    assert first.unit_hours == pytest.approx((5 * 1 + 7200 * 4) / 3600)
    assert first.bounded_slowdown == pytest.approx((105 / 10 + 7500 / 7200) / 2)


def test_a_job_whose_wait_is_unknown_counts_in_its_group_and_not_in_the_waits() -> None:
    wait_s, run_s = np.array([-1, 10]), np.array([3600, 3600])
    (found,) = indicators_by_group(np.zeros(2, int), ["all"], wait_s=wait_s, run_s=run_s, units=np.array([1, 1]))
    assert (found.jobs, found.wait.jobs, found.wait.mean_s, found.unit_hours) == (2, 1, 10, 2)


def test_a_job_that_never_ran_uses_nothing_and_has_no_slowdown() -> None:
    run_s, units = np.array([-1, -1]), np.array([4, -1])
    (found,) = indicators_by_group(np.zeros(2, int), ["all"], wait_s=np.array([5, 7]), run_s=run_s, units=units)
    assert (found.unit_hours, found.bounded_slowdown, found.wait.jobs) == (0, None, 2)


def test_no_job_has_no_wait_rather_than_a_wait_of_nothing() -> None:
    assert summarise_waits(np.array([], np.int64)).p50_s is None
    assert summarise_waits(np.array([-1])).mean_s is None


def test_percentiles_are_those_of_the_waits() -> None:
    found = summarise_waits(np.arange(101))
    assert (found.p10_s, found.p50_s, found.p90_s, found.p99_s) == (10, 50, 90, 99)


def test_sizes_fall_into_powers_of_two() -> None:
    classes = indicators_by_size(wait_s=WAIT_S, run_s=RUN_S, units=UNITS)
    assert [(one.smallest, one.largest, one.found.name, one.found.jobs) for one in classes] == [
        (1, 1, "1", 2),
        (2, 2, "2", 1),
        (3, 4, "3–4", 1),
        (5, 8, "5–8", 1),
    ]


def test_an_unknown_size_is_in_no_class() -> None:
    assert size_class(np.array([-1, 0])).tolist() == [-1, -1]
    assert indicators_by_size(wait_s=np.array([1]), run_s=np.array([1]), units=np.array([-1])) == ()


@given(st.integers(min_value=1, max_value=2**40))
def test_a_size_lies_within_its_class(size: int) -> None:
    smallest, largest = sizes_of_class(int(size_class(np.array([size]))[0]))
    assert smallest <= size <= largest
