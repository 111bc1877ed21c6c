from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.planner.pareto import unbeaten

_LAYOUTS = st.lists(st.tuples(st.sampled_from([1.0, 1.5, 2.0, 3.0, 7.0, 1e9]) | st.floats(0.1, 1e6), st.integers(1, 9)))


def _objectives(duration_s: float, devices: int) -> tuple[float, ...]:
    """Duration, devices, device-hours, energy, and the cost of whole nodes of four for whole hours: all to be small."""
    hours = duration_s * devices / 3600
    return (duration_s, devices, hours, 700 * hours, -(-devices // 4) * np.ceil(duration_s / 3600))


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


@given(_LAYOUTS)
def test_the_front_is_that_of_comparing_every_pair_in_every_objective(layouts: list[tuple[float, int]]) -> None:
    duration_s = np.array([duration for duration, _ in layouts])
    devices = np.array([count for _, count in layouts], dtype=np.int64)
    found = [layouts[row] for row in unbeaten(duration_s, devices).tolist()]
    points = [_objectives(*layout) for layout in layouts]
    brute_force = {
        layout
        for layout, point in zip(layouts, points, strict=True)
        if not any(_beats(other, point) for other in points)
    }
    assert found == sorted(brute_force, key=lambda layout: layout[1])


def test_a_layout_that_never_ends_is_on_no_front() -> None:
    assert unbeaten(np.array([np.inf, 5.0]), np.array([1, 2])).tolist() == [1]
    assert unbeaten(np.array([]), np.array([], dtype=np.int64)).tolist() == []


@pytest.mark.parametrize("count", [1_000_000])
def test_a_million_layouts_have_a_front_of_fewer_devices_the_slower(count: int) -> None:
    generator = np.random.default_rng(7)
    devices = generator.integers(1, 4096, count)
    duration_s = generator.uniform(1.0, 2.0, count) / devices
    rows = unbeaten(duration_s, devices)
    assert (np.diff(devices[rows]) > 0).all()
    assert (np.diff(duration_s[rows]) < 0).all()
    assert duration_s[rows][-1] == duration_s.min()
