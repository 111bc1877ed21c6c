from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.broker.bounds import FINE, NOTE, OPEN, RULED_OUT, AtLeast, AtMost, Estimates, FloatArray, choose
from stellwerk.messages import Reason
from stellwerk.units import Interval

SPREAD = Interval(0.8, 1.0, 1.5)
AMOUNTS = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=12)


@dataclass(frozen=True)
class Some:
    duration_s: FloatArray
    device_hours: FloatArray


def at_most(values: FloatArray, limit: float) -> AtMost:
    reasons = (Reason("exceeds"), Reason("may_exceed"), Reason("tight"))
    return AtMost(Estimates.spread(values, SPREAD), limit, *reasons, lambda index: {"index": index})


def at_least(values: FloatArray, limit: float, most: float) -> AtLeast:
    reasons = (Reason("misses"), Reason("alone_misses"), Reason("may_miss"), Reason("tight"))
    return AtLeast(Estimates.spread(values, SPREAD), limit, most, *reasons, lambda index: {"index": index})


@pytest.mark.parametrize(
    ("limit", "severity", "effect", "code"),
    [
        (79.0, RULED_OUT, "impossible", "exceeds"),
        (90.0, OPEN, "unknown", "may_exceed"),
        (120.0, NOTE, "note", "tight"),
        (150.0, FINE, None, None),
    ],
)
def test_the_interval_decides_what_a_maximum_does(
    limit: float, severity: int, effect: str | None, code: str | None
) -> None:
    bound = at_most(np.array([100.0]), limit)
    finding = bound.finding(0)
    assert list(bound.severity()) == [severity]
    assert (finding and finding.effect, finding and finding.reason.code) == (effect, code)


@pytest.mark.parametrize(
    ("limit", "most", "severity", "code"),
    [
        (80.0, 100.0, FINE, None),
        (90.0, 200.0, NOTE, "tight"),
        (120.0, 200.0, OPEN, "may_miss"),
        (200.0, 300.0, OPEN, "alone_misses"),
        (400.0, 300.0, RULED_OUT, "misses"),
    ],
)
def test_a_minimum_rules_out_only_what_no_option_can_reach(
    limit: float, most: float, severity: int, code: str | None
) -> None:
    bound = at_least(np.array([100.0]), limit, most)
    finding = bound.finding(0)
    assert list(bound.severity()) == [severity]
    assert (finding and finding.reason.code) == code


@given(AMOUNTS, st.floats(1.0, 1e6))
def test_severity_and_finding_of_every_option_agree(values: list[float], limit: float) -> None:
    effects = {None: FINE, "note": NOTE, "unknown": OPEN, "impossible": RULED_OUT}
    for bound in (at_most(np.array(values), limit), at_least(np.array(values), limit, 2 * max(values))):
        found = [bound.finding(index) for index in range(len(values))]
        assert [effects[one.effect if one else None] for one in found] == list(bound.severity())


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)), min_size=1, max_size=12), st.data())
def test_looser_bounds_never_make_the_worst_finding_worse(
    options: list[tuple[float, float]], data: st.DataObject
) -> None:
    durations, hours = (np.array(values) for values in zip(*options, strict=True))
    limits = [data.draw(st.floats(1, 1e6)) for _ in range(3)]
    looser = [limit * data.draw(st.floats(1, 10)) for limit in limits[:2]]

    def worst(time: float, amount: float) -> int:
        time_bounds = [at_most(durations, time)]
        others = [at_most(hours, amount), at_least(hours, limits[2], float(hours.max()))]
        index = choose(Some(durations, hours), time_bounds, others)
        assert index is not None
        return max(int(bound.severity()[index]) for bound in [*time_bounds, *others])

    assert worst(*looser) <= worst(limits[0], limits[1])


def test_within_the_time_the_fewest_hours_are_taken_and_without_a_limit_speed_for_a_tenth_more() -> None:
    options = Some(np.array([10.0, 20.0, 40.0]), np.array([120.0, 105.0, 100.0]))
    assert choose(options, [at_most(options.duration_s, 60.0)], []) == 2
    assert choose(options, [at_most(options.duration_s, 30.0)], []) == 1
    assert choose(options, [], []) == 1


def test_where_nothing_keeps_the_time_the_fastest_is_named() -> None:
    options = Some(np.array([10.0, 20.0]), np.array([120.0, 100.0]))
    assert choose(options, [at_most(options.duration_s, 1.0)], []) == 0
    assert choose(Some(np.array([]), np.array([])), [], []) is None
