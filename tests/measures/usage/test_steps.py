from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stellwerk.measures.usage.steps import Timeline, split_over_time

INTERVALS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 120), st.integers(0, 9), st.integers(0, 2)), max_size=25
)
EDGES = st.lists(st.integers(0, 400), min_size=2, max_size=8, unique=True).map(sorted)


def _columns(intervals: list[tuple[int, int, int, int]]) -> tuple[NDArray[np.int64], ...]:
    start, length, amount, group = np.array(intervals, np.int64).reshape(-1, 4).T
    return start, start + length, amount, group


@given(INTERVALS, EDGES)
def test_what_is_held_agrees_with_a_count_second_by_second(
    intervals: list[tuple[int, int, int, int]], edges: list[int]
) -> None:
    start, end, amount, _ = _columns(intervals)
    seconds = np.arange(0, 450)
    held = ((start[:, None] <= seconds) & (seconds < end[:, None])).T @ amount
    found = Timeline(start, end).held(amount, np.array(edges, np.int64))
    spans = list(pairwise(edges))
    assert found.total_s.tolist() == [held[first:beyond].sum() for first, beyond in spans]
    assert found.most.tolist() == [held[first:beyond].max() for first, beyond in spans]


@given(INTERVALS, EDGES)
def test_a_split_conserves_what_lies_inside_and_agrees_with_what_is_held(
    intervals: list[tuple[int, int, int, int]], edges: list[int]
) -> None:
    start, end, amount, group = _columns(intervals)
    edges_s = np.array(edges, np.int64)
    split = split_over_time(start, end, amount, group, 3, edges_s)
    inside = np.maximum(np.minimum(end, edges[-1]) - np.maximum(start, edges[0]), 0)
    assert split.sum() == (inside * amount).sum()
    assert split.sum(axis=0).tolist() == Timeline(start, end).held(amount, edges_s).total_s.tolist()
    for number in range(3):
        assert split[number].sum() == (inside * amount)[group == number].sum()


def test_what_ends_gives_back_before_the_next_takes() -> None:
    start, end = np.array([0, 10]), np.array([10, 20])
    assert Timeline(start, end).held(np.array([4, 4]), np.array([0, 20])).most.tolist() == [4]


@pytest.mark.parametrize("edges", [[0, 5], [30, 40]])
def test_without_any_interval_nothing_is_held(edges: list[int]) -> None:
    empty = np.empty(0, np.int64)
    assert Timeline(empty, empty).held(empty, np.array(edges)).total_s.tolist() == [0]
    assert split_over_time(empty, empty, empty, empty, 2, np.array(edges)).tolist() == [[0], [0]]
