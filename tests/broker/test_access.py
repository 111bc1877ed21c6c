from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.broker import PublicOffer
from stellwerk.broker.access import judge_state
from stellwerk.catalog import Catalogue, Claim, Cutoff, Fact, Source, load_catalogue

SOURCE = Source((), "2026-01", None, "primary")
FIRST, LAST = datetime.date(2026, 7, 1), datetime.date(2026, 12, 31)
ENDED = datetime.date(2028, 12, 31)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


def of_status(catalogue: Catalogue, as_of: datetime.date, **dates: datetime.date) -> list[tuple[str, str]]:
    """What is found about the state of the planned system, by its stated dates of operation."""
    facts = {f"operation_{name}": Fact((Claim(day, SOURCE),)) for name, day in dates.items()}
    system = replace(catalogue.systems["future"], **facts)  # type: ignore[arg-type]
    found = judge_state(PublicOffer(system, None), as_of)
    codes = ((finding.effect, finding.reason.code) for finding in found)
    return [one for one in codes if one[1].startswith(("system_", "status_"))]


@pytest.mark.parametrize(
    ("as_of", "found"),
    [
        (FIRST - datetime.timedelta(days=1), ("impossible", "system_planned")),
        (FIRST, ("unknown", "status_unclear")),
        (LAST, ("unknown", "status_unclear")),
        (LAST + datetime.timedelta(days=1), ("unknown", "status_unclear")),
        (ENDED + datetime.timedelta(days=1), ("impossible", "system_planned")),
    ],
)
def test_a_planned_system_is_open_from_the_first_day_that_it_may_start(
    catalogue: Catalogue, as_of: datetime.date, found: tuple[str, str]
) -> None:
    assert of_status(catalogue, as_of, from_earliest=FIRST, from_latest=LAST, until_latest=ENDED) == [found]


def test_a_planned_system_without_a_first_day_is_ruled_out(catalogue: Catalogue) -> None:
    assert of_status(catalogue, LAST) == [("impossible", "system_planned")]
    assert of_status(catalogue, LAST, from_latest=LAST) == [("impossible", "system_planned")]


def test_the_next_cutoff_is_said_with_its_hour_and_zone(catalogue: Catalogue) -> None:
    cutoff = Cutoff(datetime.date(2026, 12, 11), "10:00", "Europe/Brussels")
    programme = replace(catalogue.programmes["open-call"], cutoffs=(cutoff,))
    offer = PublicOffer(catalogue.systems["complete"], programme)
    (said,) = [
        finding.reason.params
        for finding in judge_state(offer, datetime.date(2026, 11, 23))
        if finding.reason.code == "next_cutoff"
    ]
    assert said == {"date": "2026-12-11 10:00 Europe/Brussels"}
