from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.broker import CommercialOffer, LeadOn, LeadOnIndex, PublicOffer, match, match_as_dict, render_match_page
from stellwerk.broker.lead_on import COURSES, MOST
from stellwerk.broker.offers import offers_of
from stellwerk.catalog import Catalogue, Support, load_catalogue
from stellwerk.workload import Applicant, Workload
from tests.broker.test_match import DAY
from tests.planner import examples

KINDS = ("academia", "startup", "sme", "large_industry", "public")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def asked_by(**applicant: Any) -> Workload:
    return replace(examples.workload(), applicant=Applicant(**({"kind": "startup", "country": "DE"} | applicant)))


def public(catalogue: Catalogue, system: str, programme: str | None = None) -> PublicOffer:
    return PublicOffer(catalogue.systems[system], catalogue.programmes[programme] if programme else None)


def commercial(catalogue: Catalogue) -> CommercialOffer:
    return CommercialOffer(next(iter(catalogue.products.values())), None)


def ids(those: Iterable[Any]) -> list[str]:
    return [one.id for one in those]


def found_in(support: Support, *others: Support, offer: PublicOffer, catalogue: Catalogue, **applicant: Any) -> LeadOn:
    """What is found where the catalogue holds these offers of help only."""
    only = {one.id: one for one in (support, *others)}
    return LeadOnIndex(replace(catalogue, support=only), asked_by(**applicant)).of(offer)


def test_a_start_up_on_jupiter_is_led_to_the_factory_then_to_the_programmes_and_then_to_the_sites_help(
    catalogue: Catalogue,
) -> None:
    found = LeadOnIndex(catalogue, asked_by()).of(public(catalogue, "jsc-jupiter-booster", "eurohpc-aif-fastlane"))
    assert ids(found.support) == ["jaif-support", "epicure", "jsc-venv-template", "ffplus"]
    assert ids(found.courses) == ["jsc-dl-course", "jsc-multigpu-tutorial"]
    assert found.software is catalogue.software["jsc-jupiter"]
    assert found.generic_software == ()


def test_a_doctoral_student_in_dresden_is_led_to_the_place_and_to_nothing_for_companies(catalogue: Catalogue) -> None:
    found = LeadOnIndex(catalogue, asked_by(kind="academia", state="DE-SN")).of(
        public(catalogue, "tud-capella", "nhr-normal")
    )
    assert ids(found.support) == ["scads", "zih-buddy", "minerva"]
    assert found.software is catalogue.software["capella"]


def test_the_starters_programme_brings_its_own_help(catalogue: Catalogue) -> None:
    index = LeadOnIndex(catalogue, asked_by(kind="academia"))
    assert "nhr-starter-support" in ids(index.of(public(catalogue, "tud-capella", "nhr-starter")).support)
    assert "nhr-starter-support" not in ids(index.of(public(catalogue, "tud-capella", "nhr-normal")).support)


def test_a_product_and_a_system_that_nobody_describes_get_what_holds_for_any_machine(catalogue: Catalogue) -> None:
    index = LeadOnIndex(catalogue, asked_by())
    for offer in (commercial(catalogue), public(catalogue, "jsc-jedi")):
        found = index.of(offer)
        assert found.software is None
        assert ids(found.generic_software) == ["eessi", "generic"]


def test_help_tied_to_another_place_is_left_out(catalogue: Catalogue) -> None:
    index = LeadOnIndex(catalogue, asked_by())
    assert not any(one.tied for one in index.of(commercial(catalogue)).support)
    assert "lumi-aiguide" not in ids(index.of(public(catalogue, "jsc-jupiter-booster")).support)


def test_the_audience_that_names_the_kind_comes_before_the_one_that_names_nobody(catalogue: Catalogue) -> None:
    plain = replace(catalogue.support["minerva"], country_codes=())
    offer = public(catalogue, "tud-capella")
    named = replace(plain, id="z-named", user_groups=("startup",))
    in_country = replace(plain, id="y-country", country_codes=("DE",))
    at_site = replace(plain, id="x-site", site_ids=("tud",))
    on_system = replace(plain, id="w-system", system_ids=("tud-capella",))
    found = found_in(plain, named, in_country, on_system, offer=offer, catalogue=catalogue)
    assert ids(found.support) == ["w-system", "z-named", "y-country", "minerva"]
    found = found_in(named, at_site, on_system, offer=offer, catalogue=catalogue)
    assert ids(found.support) == ["w-system", "x-site", "z-named"]


def test_help_with_two_ties_to_one_offer_is_named_once(catalogue: Catalogue) -> None:
    twice = replace(catalogue.support["epicure"], system_ids=("lumi-g",), site_ids=("csc",))
    found = found_in(twice, offer=public(catalogue, "lumi-g", "eurohpc-development"), catalogue=catalogue)
    assert ids(found.support) == ["epicure"]


@pytest.mark.parametrize(
    ("limits", "applicant", "named"),
    [
        ({"user_groups": ("sme",)}, {}, False),
        ({"user_groups": ("sme", "startup")}, {}, True),
        ({"country_codes": ("FR",)}, {}, False),
        ({"country_codes": ("EU",)}, {}, True),
        ({"country_codes": ("EU",)}, {"country": "GB"}, False),
        ({"region": "DE-NW"}, {"state": "DE-SN"}, False),
        ({"region": "DE-NW"}, {"state": "DE-NW"}, True),
        ({"region": "DE-NW"}, {}, True),
        ({"region": "DE-NW"}, {"country": "FR"}, False),
    ],
)
def test_only_a_stated_limit_shuts_out(
    catalogue: Catalogue, limits: dict[str, Any], applicant: dict[str, Any], named: bool
) -> None:
    support = replace(catalogue.support["minerva"], **{"country_codes": ()} | limits)
    found = found_in(support, offer=public(catalogue, "tud-capella"), catalogue=catalogue, **applicant)
    assert (ids(found.support) == ["minerva"]) is named


@given(kind=st.sampled_from(KINDS), country=st.sampled_from(("DE", "FI", "GB", "US")), seed=st.integers(0, 10**6))
def test_every_offer_leads_on_to_open_help_only_in_an_order_that_files_cannot_change(
    catalogue: Catalogue, kind: str, country: str, seed: int
) -> None:
    workload = asked_by(kind=kind, country=country)
    shuffled = list(catalogue.support.items())
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - an order to try, no secret
    index, other = (LeadOnIndex(one, workload) for one in (catalogue, replace(catalogue, support=dict(shuffled))))
    for offer in offers_of(catalogue, DAY):
        found = index.of(offer)
        assert found == other.of(offer)
        assert len(found.support) <= MOST
        assert {one.kind for one in found.courses} <= set(COURSES)
        assert not {one.kind for one in found.support} & set(COURSES)
        assert all(not one.user_groups or kind in one.user_groups for one in (*found.support, *found.courses))
        assert (found.software is None) == bool(found.generic_software)


def test_json_names_what_every_offer_that_is_not_ruled_out_leads_on_to(catalogue: Catalogue) -> None:
    answer = json.loads(json.dumps(match_as_dict(match(asked_by(), catalogue, DAY), "en")))
    by_id = {offer["id"]: offer for offer in answer["offers"]}
    assert by_id["jsc-jupiter-booster/eurohpc-aif-fastlane"]["leads_on"] == {
        "support": ["jaif-support", "epicure", "jsc-venv-template", "ffplus"],
        "courses": ["jsc-dl-course", "jsc-multigpu-tutorial"],
        "software": "jsc-jupiter",
        "generic_software": [],
    }
    assert all(("leads_on" in offer) == (offer["verdict"] != "impossible") for offer in by_id.values())


def test_the_page_names_help_with_each_offer_that_is_not_ruled_out_and_describes_it_once(catalogue: Catalogue) -> None:
    answer = match(asked_by(), catalogue, DAY)
    page = render_match_page(answer, "de")
    rows = {part.split('"')[0]: part.split("</tr>")[0] for part in page.split('<tr id="offer-')[1:]}
    for judged in answer.offers:
        assert ('class="leads"' in rows[judged.offer.id.replace("/", "--")]) == (judged.verdict != "impossible")
    booster = rows["jsc-jupiter-booster--eurohpc-aif-fastlane"]
    assert '<a href="#support-jaif-support" lang="en">JUPITER AI Factory (JAIF)</a>' in booster
    assert page.count('id="support-jaif-support"') == 1
    described = page.split('id="support-jaif-support"')[1].split("</li>")[0]
    assert "<b>JUPITER AI Factory (JAIF)</b>: access to JUPITER/JARVIS" in described
    assert '<span lang="de">Kosten:</span> free for start-ups/SMEs*' in described
    assert "https://www.eurohpc-ju.europa.eu/ai-factories/germany_en" in described
