from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stellwerk.broker.model import CommercialOffer, PublicOffer
from stellwerk.broker.places import judge_place, judge_storage
from stellwerk.catalog import Catalogue, Claim, Fact, Source, load_catalogue
from stellwerk.workload import DataNeeds

SOURCE = Source((), "2026-01", None, "primary")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


def findings(catalogue: Catalogue, data: DataNeeds, **facts: Any) -> list[tuple[str, str]]:
    stated = {name: Fact((Claim(value, SOURCE),)) if value is not None else Fact() for name, value in facts.items()}
    product = replace(catalogue.products["v-known"], **stated)
    return [(one.effect, one.reason.code) for one in judge_place(CommercialOffer(product, None), data)]


@pytest.mark.parametrize(
    ("countries", "wanted", "found"),
    [
        (("DE",), ("DE",), []),
        (("DE", "FR"), ("EU",), []),
        (("DE", "AT"), ("DE",), [("unknown", "location_among_several")]),
        (("FR",), ("DE",), [("impossible", "location_not_wanted")]),
        (("US",), (), [("impossible", "outside_europe")]),
        (("CH",), ("EU",), [("impossible", "location_not_wanted")]),
        (None, ("DE",), [("unknown", "location_unknown")]),
        (None, (), [("note", "location_unknown")]),
    ],
)
def test_the_country_of_the_data(
    catalogue: Catalogue, countries: tuple[str, ...] | None, wanted: tuple[str, ...], found: list[tuple[str, str]]
) -> None:
    assert findings(catalogue, DataNeeds(locations=wanted), countries_of_data=countries) == found


@pytest.mark.parametrize(
    ("seat", "found"),
    [
        ("DE", []),
        ("US", [("impossible", "jurisdiction_not_wanted")]),
        (None, [("unknown", "jurisdiction_unknown")]),
    ],
)
def test_the_seat_of_the_operator_is_judged_apart_from_where_the_data_lie(
    catalogue: Catalogue, seat: str | None, found: list[tuple[str, str]]
) -> None:
    assert findings(catalogue, DataNeeds(jurisdictions=("EU",)), hq_country=seat) == found


def test_a_certificate_that_is_not_listed_is_not_known_to_be_missing(catalogue: Catalogue) -> None:
    held = ("ISO 27001", "BSI C5 Type 2")
    assert findings(catalogue, DataNeeds(certificates=("bsi c5",)), certifications=held) == []
    wanted = DataNeeds(certificates=("BSI C5", "SOC 2"))
    assert findings(catalogue, wanted, certifications=held) == [("unknown", "certificate_not_stated")]


def test_personal_data_need_a_contract_with_a_provider_and_a_word_of_a_public_centre(catalogue: Catalogue) -> None:
    data = DataNeeds(sensitivity="sensitive_personal")
    assert findings(catalogue, data) == [("note", "processing_contract")]
    public = PublicOffer(catalogue.systems["complete"], None)
    assert [(one.effect, one.reason.code) for one in judge_place(public, data)] == [
        ("unknown", "sensitivity_not_stated")
    ]
    assert list(judge_place(public, DataNeeds())) == []


def test_a_public_system_stands_where_it_stands(catalogue: Catalogue) -> None:
    abroad = PublicOffer(catalogue.systems["two-dies"], None)
    assert [one.reason.code for one in judge_place(abroad, DataNeeds(locations=("DE",)))] == ["location_not_wanted"]


def test_a_system_that_is_made_for_sensitive_data_has_to_confirm_it_and_its_words_are_said(
    catalogue: Catalogue,
) -> None:
    made_for = Fact((Claim("medical data in a closed partition", SOURCE),))
    public = PublicOffer(replace(catalogue.systems["complete"], data_sensitivity=made_for), None)
    (found,) = judge_place(public, DataNeeds(sensitivity="personal"))
    assert (found.effect, found.reason.code) == ("unknown", "sensitivity_to_be_confirmed")
    assert found.reason.params["text"] == "medical data in a closed partition"
    assert list(judge_place(public, DataNeeds())) == []


@pytest.mark.parametrize(
    ("of_programme", "of_system", "found"),
    [
        (None, None, [("note", "storage_quota_unknown")]),
        (None, 10e12, []),
        (None, 9e12, [("unknown", "storage_above_quota")]),
        (20e12, 1e12, []),
        (1e12, 20e12, [("unknown", "storage_above_quota")]),
    ],
)
def test_the_storage_of_a_programme_counts_before_that_of_the_system(
    catalogue: Catalogue, of_programme: float | None, of_system: float | None, found: list[tuple[str, str]]
) -> None:
    quotas = [Fact() if quota is None else Fact((Claim(quota, SOURCE),)) for quota in (of_programme, of_system)]
    offer = PublicOffer(
        replace(catalogue.systems["complete"], storage_quota_bytes=quotas[1]),
        replace(catalogue.programmes["open-call"], storage_quota_bytes=quotas[0]),
    )
    needed = DataNeeds(storage_bytes=10e12)
    assert [(one.effect, one.reason.code) for one in judge_storage(offer, needed)] == found
    assert list(judge_storage(offer, DataNeeds())) == [], "who says nothing about storage is told nothing"
    assert list(judge_storage(CommercialOffer(catalogue.products["v-known"], None), needed)) == []


def test_storage_above_the_quota_says_both_amounts(catalogue: Catalogue) -> None:
    quota = Fact((Claim(9e12, SOURCE),))
    offer = PublicOffer(replace(catalogue.systems["complete"], storage_quota_bytes=quota), None)
    (found,) = judge_storage(offer, DataNeeds(storage_bytes=10e12))
    assert found.reason.params == {"needed_tb": 10, "quota_tb": 9}
