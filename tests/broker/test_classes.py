"""Which class of access fits: small enough to admit the need, large enough to hold it."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.broker import ClassAnswer, FamilyAnswer, Match, classes_as_dict, find_classes, match
from stellwerk.broker.grants import amount_needed
from stellwerk.broker.model import PublicOffer
from stellwerk.catalog import AmountLimit, Catalogue, Source, load_catalogue
from stellwerk.messages import LANGUAGES, render
from stellwerk.units import SECONDS_PER_DAY
from stellwerk.workload import Applicant, Workload
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)
LARGE = examples.workload()
SMALL = replace(LARGE, task=replace(LARGE.training, tokens=10**9))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


@pytest.fixture(scope="module")
def large(catalogue: Catalogue) -> Match:
    return match(LARGE, catalogue, DAY)


def family(answer: Match, name: str = "steps") -> FamilyAnswer:
    return next(found for found in find_classes(answer) if found.family.id == name)


def by_class(answer: FamilyAnswer) -> dict[str | None, ClassAnswer]:
    return {one.programme.access_class: one for one in answer.classes}


def judged(workload: Workload, catalogue: Catalogue, *, day: datetime.date = DAY, **applicant: str) -> FamilyAnswer:
    asking = replace(workload.applicant, **applicant)  # type: ignore[arg-type]
    return family(match(replace(workload, applicant=asking), catalogue, day))


def test_classes_stand_in_the_order_of_their_family(large: Match) -> None:
    assert [one.programme.access_class for one in family(large).classes] == ["tests", "small", "open"]
    assert [one.programme.access_class for one in family(large, "places").classes] == ["here", "there"]


def test_a_class_that_is_too_small_is_left_for_a_larger_one(large: Match) -> None:
    found = family(large)
    small, unlimited = by_class(found)["small"], by_class(found)["open"]
    assert (small.verdict, small.systems[0].fit, small.systems[0].verdict) == ("possible", "above", "impossible")
    assert (unlimited.verdict, unlimited.systems[0].fit) == ("possible", "not_stated")
    assert (found.advice.code, found.advice.params["programme"]) == ("smallest_class_fits", "Open call")


def test_a_small_need_goes_to_the_small_class(catalogue: Catalogue) -> None:
    found = judged(SMALL, catalogue)
    assert by_class(found)["small"].systems[0].fit == "inside"
    assert (found.advice.code, found.advice.params["programme"]) == ("smallest_class_fits", "Small call")


def test_a_class_for_tests_alone_is_the_last_resort(catalogue: Catalogue) -> None:
    assert judged(SMALL, catalogue, kind="public").advice.params["programme"] == "Small call"
    large = judged(LARGE, catalogue, kind="academia")
    assert by_class(large)["open"].verdict == "impossible"
    assert (large.advice.code, large.advice.params["programme"]) == ("smallest_class_open", "Tests only")


def test_where_something_stands_against_each_class_the_advice_says_so(catalogue: Catalogue) -> None:
    found = judged(LARGE, catalogue, country="US")
    assert found.advice.code == "no_class_fits"
    assert all("impossible" in {one.effect for one in answer.findings} for answer in found.classes)


def test_a_family_without_order_names_every_class_that_is_open(catalogue: Catalogue, large: Match) -> None:
    found = family(large, "places")
    assert (found.advice.code, found.advice.params["programmes"]) == ("classes_open", "States, Hearsay")
    own_state = replace(LARGE, applicant=Applicant("startup", "DE", "DE-BW"))
    assert family(match(own_state, catalogue, DAY), "places").advice.code == "classes_fit"


def test_the_next_cutoff_is_that_of_the_day(catalogue: Catalogue) -> None:
    last = datetime.date(2026, 12, 11)
    assert by_class(judged(LARGE, catalogue))["open"].next_cutoff == last
    assert by_class(judged(LARGE, catalogue, day=last))["open"].next_cutoff == last
    assert by_class(judged(LARGE, catalogue, day=last + datetime.timedelta(days=1)))["open"].next_cutoff is None


def test_the_need_is_shown_in_the_unit_of_the_limit(large: Match) -> None:
    (on_system,) = by_class(family(large))["small"].systems
    plan = next(one.plan for one in large.offers if one.offer.id == "complete/small-call")
    assert plan is not None
    assert [limit.maximum for limit in on_system.limits] == [5000]
    assert on_system.needed[0] is not None
    assert on_system.needed[0].best == pytest.approx(plan.device_hours.best)


def test_only_gpu_hours_and_node_hours_are_compared_and_only_those_of_the_period(large: Match) -> None:
    plan = next(one.plan for one in large.offers if one.offer.id == "complete/open-call")
    assert plan is not None

    def needed(unit: str, per: str = "") -> float | None:
        source = Source((), "2026", None, "primary")
        limit = AmountLimit(unit, None, 1.0, per, "", (), source)  # type: ignore[arg-type]
        amount = amount_needed(limit, large.catalogue.systems["complete"], plan)
        return None if amount is None else amount.best

    nodes_h = plan.device_hours.best / plan.machine.devices_per_node
    days = plan.duration_s.best / SECONDS_PER_DAY
    assert needed("node_h") == pytest.approx(nodes_h)
    assert needed("gpu_h") == pytest.approx(4 * nodes_h)
    assert needed("node_h", "year") == pytest.approx(nodes_h)
    assert needed("node_h", "quarter") == pytest.approx(nodes_h * min(1, 91 / days))
    assert [needed(unit) for unit in ("core_h", "flop", "eur", "share")] == [None] * 4


@pytest.mark.parametrize(
    "applicant",
    [
        Applicant("startup", "DE"),
        Applicant("public", "DE", institution_kind="authority"),
        Applicant("academia", "DE", institution_kind="university", pi_doctorate=True),
    ],
)
def test_in_the_packaged_catalogue_a_closed_class_has_no_open_offer(applicant: Applicant) -> None:
    answer = match(replace(SMALL, applicant=applicant), load_catalogue(), DAY)
    offers = {one.offer.id: one for one in answer.offers if isinstance(one.offer, PublicOffer)}
    for found in find_classes(answer):
        assert found.classes
        for one in found.classes:
            for on_system in one.systems:
                offer = offers[f"{on_system.system.id}/{one.programme.id}"]
                assert offer.verdict == on_system.verdict
                assert (one.verdict, offer.verdict) not in {
                    ("impossible", "possible"),
                    ("impossible", "unknown"),
                    ("unknown", "possible"),
                }
        assert all(render(found.advice, language) for language in LANGUAGES)


def test_the_start_up_and_the_doctoral_student_get_other_classes() -> None:
    catalogue = load_catalogue()
    doctoral = Applicant("academia", "DE", institution_kind="university", pi_stage="professor", pi_doctorate=True)
    advice = {
        kind: {found.family.id: found.advice for found in find_classes(match(workload, catalogue, DAY))}
        for kind, workload in (("startup", LARGE), ("academia", replace(SMALL, applicant=doctoral)))
    }
    assert advice["startup"]["nhr"].code == "no_class_fits"
    assert "Fast Lane" in str(advice["startup"]["eurohpc-ai-factories"].params["programme"])
    assert advice["academia"]["eurohpc-ai-factories"].code == "no_class_fits"
    assert advice["academia"]["nhr"].code == "smallest_class_fits"
    assert advice["academia"]["nhr"].params["programme"] == "NHR-Normal project"


def test_json_keeps_unknown_amounts_apart_from_zero(large: Match) -> None:
    plain = classes_as_dict(large, find_classes(large), "de")
    (steps,) = [one for one in plain["families"] if one["family"] == "steps"]
    small = next(one for one in steps["classes"] if one["class"] == "small")
    assert small["systems"][0]["limits"][0]["minimum"] is None
    assert small["systems"][0]["limits"][0]["needed"]["best"] > 5000
    assert steps["name"] == "Stufen"
    assert steps["advice"]["text"].startswith("Open call ist die kleinste Stufe")
