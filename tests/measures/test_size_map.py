from __future__ import annotations

import numpy as np

from stellwerk.measures import RUN_TIME_BOUNDS_S, size_map


def test_each_cell_holds_its_jobs_and_their_median_wait() -> None:
    found = size_map(
        wait_s=np.array([10, 20, 40, 7, 5, 1]),
        run_s=np.array([60, 30, 60, 61, 10**6, 50]),
        units=np.array([2, 2, 2, 2, 7, -1]),
    )
    assert found.sizes == ((2, 2), (3, 4), (5, 8))
    assert found.jobs.shape == (3, len(RUN_TIME_BOUNDS_S) + 1)
    assert found.jobs[0].tolist() == [3, 1, 0, 0, 0, 0]
    assert found.median_wait_s[0, :2].tolist() == [20, 7]
    assert found.jobs[2].tolist() == [0, 0, 0, 0, 0, 1]
    assert np.isnan(found.median_wait_s[1]).all()


def test_the_median_of_an_even_number_lies_in_the_middle() -> None:
    found = size_map(wait_s=np.array([3, 10]), run_s=np.array([1, 1]), units=np.array([1, 1]))
    assert found.median_wait_s[0, 0] == 6.5


def test_jobs_of_which_something_is_unknown_are_not_in_the_map() -> None:
    found = size_map(wait_s=np.array([-1, 3]), run_s=np.array([1, -1]), units=np.array([1, 1]))
    assert found.sizes == ()
    assert found.jobs.shape == (0, len(RUN_TIME_BOUNDS_S) + 1)
