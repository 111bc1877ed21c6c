from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.broker import CommercialOffer, PublicOffer, match
from stellwerk.broker.finish import parts_before_the_run
from stellwerk.broker.model import FinishPart
from stellwerk.catalog import Catalogue, Claim, Cutoff, Fact, RecurringCutoff, Source, load_catalogue
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Interval
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)
SOURCE = Source((), "2026-01", None, "primary")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


def known(value: Any) -> Fact[Any]:
    return Fact((Claim(value, SOURCE),))


def before(catalogue: Catalogue, as_of: datetime.date = DAY, **programme: Any) -> dict[str, Interval | None]:
    """What passes before a run on one system, by part, under a programme that has no dates but those given."""
    stated = {name: known(value) if name.startswith("turnaround") else value for name, value in programme.items()}
    one = replace(catalogue.programmes["open-call"], **{"cutoff_dates": ()} | stated)
    parts = parts_before_the_run(PublicOffer(catalogue.systems["complete"], one), as_of)
    return {part.name: part.duration_s for part in parts}


def days(*low_best_high: float) -> Interval:
    if len(low_best_high) == 1:
        return Interval.exactly(low_best_high[0] * SECONDS_PER_DAY)
    low, best, high = low_best_high
    return Interval(low * SECONDS_PER_DAY, best * SECONDS_PER_DAY, high * SECONDS_PER_DAY)


def test_a_cutoff_of_a_day_counts_whole_days(catalogue: Catalogue) -> None:
    assert before(catalogue, cutoff_dates=(datetime.date(2026, 12, 11),))["cutoff"] == days(18)
    assert before(catalogue, cutoff_dates=(DAY,))["cutoff"] == days(0)


def test_a_cutoff_with_an_hour_counts_from_the_midnight_of_its_zone(catalogue: Catalogue) -> None:
    cutoff = Cutoff(datetime.date(2026, 12, 11), "10:00", "Europe/Brussels")
    found = before(catalogue, cutoffs=(cutoff,), cutoff_dates=(cutoff.day,))["cutoff"]
    assert found == days(18 + 10 / 24)


def test_the_day_that_summer_time_takes_an_hour_from_is_shorter(catalogue: Catalogue) -> None:
    """It begins on 2027-03-28 in Berlin."""
    cutoff = Cutoff(datetime.date(2027, 3, 29), "12:00", "Europe/Berlin")
    found = before(catalogue, datetime.date(2027, 3, 27), cutoffs=(cutoff,))["cutoff"]
    assert found == Interval.exactly(59 * SECONDS_PER_HOUR)


def test_a_recurring_cutoff_of_another_system_does_not_count(catalogue: Catalogue) -> None:
    here = RecurringCutoff(((1, 15), (7, 15)), "Here", ("complete",), "", SOURCE)
    there = RecurringCutoff(((12, 1),), "There", ("one-node",), "", SOURCE)
    everywhere = RecurringCutoff(((12, 31),), "", (), "", SOURCE)
    assert before(catalogue, recurring_cutoffs=(here, there))["cutoff"] == days(53)
    assert before(catalogue, recurring_cutoffs=(there,))["cutoff"] is None
    assert before(catalogue, recurring_cutoffs=(here, there, everywhere))["cutoff"] == days(38)


def test_a_decision_from_the_cutoff_comes_after_it(catalogue: Catalogue) -> None:
    found = before(
        catalogue,
        cutoff_dates=(datetime.date(2026, 12, 11),),
        turnaround_days_min=20,
        turnaround_days_max=30,
        turnaround_from="cutoff",
    )
    assert found == {"cutoff": days(18), "decision": days(20, 25, 30)}


def test_a_decision_from_the_application_waits_for_no_cutoff(catalogue: Catalogue) -> None:
    found = before(
        catalogue,
        cutoff_dates=(datetime.date(2026, 12, 11),),
        turnaround_days_max=30,
        turnaround_from="application",
    )
    assert found == {"decision": days(0, 15, 30)}


def test_a_decision_from_an_unstated_day_may_have_begun_with_the_application(catalogue: Catalogue) -> None:
    """In all not before its shortest time from now, and at most its longest after the cut-off."""
    stated = {"turnaround_days_min": 30, "turnaround_days_max": 40}
    found = before(catalogue, cutoff_dates=(datetime.date(2026, 12, 11),), **stated)
    assert found == {"cutoff": days(18), "decision": days(12, 26, 40)}
    late = before(catalogue, cutoff_dates=(datetime.date(2027, 2, 1),), **stated)
    assert late == {"cutoff": days(70), "decision": days(0, 20, 40)}
    assert before(catalogue, **stated) == {"cutoff": None, "decision": days(30, 35, 40)}


@pytest.mark.parametrize("start", ["cutoff", "application"])
def test_a_decision_whose_longest_time_nobody_states_is_unknown(catalogue: Catalogue, start: str) -> None:
    found = before(catalogue, turnaround_days_min=30, turnaround_from=start)
    assert found["decision"] is None


def test_without_a_programme_and_with_a_provider_nothing_is_known(catalogue: Catalogue) -> None:
    public = PublicOffer(catalogue.systems["no-door"], None)
    assert parts_before_the_run(public, DAY) == (FinishPart("cutoff", None), FinishPart("decision", None))
    rented = CommercialOffer(catalogue.products["v-known"], None)
    assert parts_before_the_run(rented, DAY) == (FinishPart("delivery", None),)


@given(
    wait=st.integers(0, 400),
    least=st.none() | st.integers(1, 100),
    more=st.integers(0, 100),
    start=st.sampled_from(["cutoff", "application", None]),
)
def test_the_decision_is_never_before_its_shortest_time_nor_after_its_longest_from_the_cutoff(
    catalogue: Catalogue, wait: int, least: int | None, more: int, start: str | None
) -> None:
    stated: dict[str, Any] = {"turnaround_days_max": (least or 1) + more}
    stated |= {"turnaround_days_min": least} if least else {}
    stated |= {"turnaround_from": start} if start else {}
    found = before(catalogue, cutoff_dates=(DAY + datetime.timedelta(days=wait),), **stated)
    until_cutoff = found["cutoff"].best if found.get("cutoff") else 0.0
    decision = found["decision"]
    assert decision is not None
    assert 0 <= decision.low <= decision.best <= decision.high
    assert until_cutoff + decision.low >= (least or 0) * SECONDS_PER_DAY
    assert decision.high == stated["turnaround_days_max"] * SECONDS_PER_DAY


def test_the_finish_of_an_offer_adds_its_known_parts(catalogue: Catalogue) -> None:
    stated = {"turnaround_days_min": 10, "turnaround_days_max": 10, "turnaround_from": "cutoff"}
    decided = replace(catalogue.programmes["open-call"], **{name: known(value) for name, value in stated.items()})
    changed = replace(catalogue, programmes={**catalogue.programmes, "open-call": decided})
    answer = match(examples.workload(), changed, DAY)
    offer = next(one for one in answer.offers if one.offer.id == "complete/open-call")
    assert offer.plan is not None
    assert offer.finish is not None
    assert offer.finish.unknown == ("wait",)
    assert offer.finish.known_s.best == pytest.approx(28 * SECONDS_PER_DAY + offer.plan.duration_s.best)
