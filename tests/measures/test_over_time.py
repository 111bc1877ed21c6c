from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.measures import mean_over_time, time_edges


def test_the_queue_is_a_mean_over_each_stretch() -> None:
    found = mean_over_time(np.array([0, 5]), np.array([10, 10]), np.array([0, 10, 20]))
    assert found.mean.tolist() == [1.5, 0]


def test_a_weight_counts_processors() -> None:
    found = mean_over_time(np.array([0, 10]), np.array([10, 15]), np.array([0, 10, 20]), np.array([3, 8]))
    assert found.mean.tolist() == [3, 4]


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 300), st.integers(1, 9)), min_size=1, max_size=30),
    st.integers(0, 10**9),
)
def test_it_agrees_with_counting_every_second(rows: list[tuple[int, int, int]], zero_s: int) -> None:
    begin, length, weight = np.array(rows).T
    begin, edges = begin + zero_s, zero_s + np.array([0, 100, 350, 801])
    seconds = zero_s + np.arange(801)
    open_at = ((begin[:, None] <= seconds) & (seconds < (begin + length)[:, None])) * weight[:, None]
    per_second = open_at.sum(axis=0)
    expected = [per_second[low - zero_s : high - zero_s].mean() for low, high in pairwise(edges)]
    assert mean_over_time(begin, begin + length, edges, weight).mean == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_edges_are_few_and_enclose_the_span(first_s: int, span_s: int) -> None:
    edges = time_edges(first_s, first_s + span_s)
    assert edges[0] == first_s
    assert edges[-1] >= first_s + span_s
    assert 2 <= len(edges) <= 152


def test_a_year_is_shown_in_weeks_and_a_week_in_hours() -> None:
    day_s = 86_400
    assert np.diff(time_edges(0, 340 * day_s))[0] == 7 * day_s
    assert np.diff(time_edges(0, 6 * day_s))[0] == 3_600
