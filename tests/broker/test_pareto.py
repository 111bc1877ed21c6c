from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stellwerk.broker.model import Cost, Finish, FinishPart, JudgedOffer, PartName, PublicOffer, Verdict
from stellwerk.broker.pareto import pareto_front
from stellwerk.catalog import load_catalogue
from stellwerk.units import Interval

SYSTEM = load_catalogue(Path(__file__).parent / "catalogue").systems["complete"]
DAY = datetime.date(2026, 11, 23)


def offer(
    name: str, time: float, cost: float | None, *, verdict: Verdict = "possible", unknown: tuple[PartName, ...] = ()
) -> JudgedOffer:
    parts = (FinishPart("computing", Interval.exactly(time)), *(FinishPart(part, None) for part in unknown))
    price = None if cost is None else Cost(Interval.exactly(cost), "EUR", True, Interval.exactly(cost))
    public = PublicOffer(replace(SYSTEM, id=name), None)
    return JudgedOffer(public, verdict, (), None, price, Finish(DAY, parts), None)


def front(*offers: JudgedOffer) -> set[str]:
    return {name.split("/")[0] for name in pareto_front(offers)}


def test_what_is_later_and_dearer_is_beaten_and_what_is_equal_is_not() -> None:
    assert front(offer("a", 1, 5), offer("b", 2, 4), offer("c", 2, 5), offer("d", 1, 5)) == {"a", "b", "d"}


def test_nothing_beats_by_not_knowing() -> None:
    """An offer whose wait is unknown may be later than it looks."""
    assert front(offer("known", 9, 9), offer("looks-better", 1, 1, unknown=("wait",))) == {"known", "looks-better"}
    assert front(offer("known", 1, 1), offer("worse", 9, 9, unknown=("wait",))) == {"known"}
    assert front(offer("sure", 9, 9), offer("open", 1, 1, verdict="unknown")) == {"sure", "open"}


def test_what_is_ruled_out_or_has_no_cost_is_not_on_the_front() -> None:
    assert front(offer("a", 1, 1, verdict="impossible"), offer("b", 1, None), offer("c", 2, 2)) == {"c"}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([(), ("wait",)])), max_size=20))
def test_the_front_is_what_a_comparison_of_all_pairs_leaves(
    points: list[tuple[int, int, tuple[PartName, ...]]],
) -> None:
    offers = [offer(str(number), *point[:2], unknown=point[2]) for number, point in enumerate(points)]

    def beaten(time: int, cost: int, unknown: tuple[PartName, ...]) -> bool:
        return any(
            set(other[2]) <= set(unknown) and other[0] <= time and other[1] <= cost and other[:2] != (time, cost)
            for other in points
        )

    assert front(*offers) == {str(number) for number, point in enumerate(points) if not beaten(*point)}
