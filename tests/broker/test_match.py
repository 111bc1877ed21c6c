from __future__ import annotations

import datetime
import json
import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from stellwerk.broker import JudgedOffer, match, match_as_dict, plan_on
from stellwerk.broker.model import PublicOffer
from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.errors import InputError
from stellwerk.units import SECONDS_PER_DAY, Money
from stellwerk.workload import Applicant, Limits, Workload
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)
MIDNIGHT = datetime.datetime.combine(DAY, datetime.time(), datetime.UTC)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


@pytest.fixture
def workload() -> Workload:
    return examples.workload()


def judged(workload: Workload, catalogue: Catalogue, offer_id: str, day: datetime.date = DAY) -> JudgedOffer:
    return next(offer for offer in match(workload, catalogue, day).offers if offer.offer.id == offer_id)


def codes(offer: JudgedOffer, effect: str) -> list[str]:
    return [finding.reason.code for finding in offer.findings if finding.effect == effect]


def test_a_complete_offer_that_nothing_stands_against_is_possible(workload: Workload, catalogue: Catalogue) -> None:
    offer = judged(workload, catalogue, "complete/open-call")
    assert offer.verdict == "possible"
    assert offer.plan is not None
    assert offer.plan.duration_s.high <= 90 * SECONDS_PER_DAY
    assert offer.cost is not None
    assert offer.cost.amount.high == 0
    assert "next_cutoff" in codes(offer, "note")


@pytest.mark.parametrize(
    ("offer_id", "verdict", "code"),
    [
        ("complete/small-call", "impossible", "amount_above_maximum"),
        ("complete/paid", "unknown", "price_unknown"),
        ("complete/ended", "impossible", "programme_closed"),
        ("complete/quarrel", "unknown", "programme_opening_contradictory"),
        ("complete/states", "unknown", "state_needed"),
        ("complete/past", "unknown", "no_further_cutoff_known"),
        ("complete/not-here", "impossible", "programme_closed_for_system"),
        ("complete/tests-only", "unknown", "purpose_limited"),
        ("complete/hearsay", "unknown", "eligibility_unsourced"),
        ("no-network/open-call", "unknown", "interconnect_unknown"),
        ("one-node/open-call", "impossible", "too_slow"),
        ("uncounted/open-call", "unknown", "pool_size_unknown"),
        ("mixed/open-call", "unknown", "accelerator_unclear"),
        ("no-rates/open-call", "unknown", "accelerator_rates_unknown"),
        ("future/open-call", "impossible", "system_planned"),
        ("switched-off/open-call", "impossible", "system_decommissioned"),
        ("no-door/no-programme-stated", "unknown", "no_programme_stated"),
        ("v-no-price/no-price", "unknown", "price_unknown"),
        ("v-america/no-price", "impossible", "outside_europe"),
    ],
)
def test_each_missing_or_contrary_fact_decides_and_says_so(
    workload: Workload, catalogue: Catalogue, offer_id: str, verdict: str, code: str
) -> None:
    offer = judged(workload, catalogue, offer_id)
    assert offer.verdict == verdict
    assert code in codes(offer, verdict)


@pytest.mark.parametrize(
    ("applicant", "verdict", "code"),
    [
        (Applicant("sme", "DE"), "unknown", "admitted_under_condition"),
        (Applicant("academia", "DE"), "impossible", "applicant_not_admitted"),
        (Applicant("public", "DE"), "unknown", "eligibility_unknown"),
        (Applicant("startup", "US"), "impossible", "country_not_admitted"),
    ],
)
def test_who_asks_decides_who_gets_in(
    workload: Workload, catalogue: Catalogue, applicant: Applicant, verdict: str, code: str
) -> None:
    offer = judged(replace(workload, applicant=applicant), catalogue, "complete/open-call")
    assert offer.verdict == verdict
    assert code in codes(offer, verdict)


def test_a_state_programme_admits_its_own_state_only(workload: Workload, catalogue: Catalogue) -> None:
    own = judged(replace(workload, applicant=Applicant("startup", "DE", "DE-BW")), catalogue, "complete/states")
    other = judged(replace(workload, applicant=Applicant("startup", "DE", "DE-SN")), catalogue, "complete/states")
    assert own.verdict == "possible"
    assert codes(other, "impossible") == ["state_not_admitted"]


def test_one_node_is_enough_where_no_limit_presses(workload: Workload, catalogue: Catalogue) -> None:
    """An unknown network matters only where one node does not do."""
    patient = replace(workload, limits=Limits())
    for offer_id in ("no-network/open-call", "uncounted/open-call"):
        offer = judged(patient, catalogue, offer_id)
        assert offer.plan is not None
        assert offer.plan.layout.devices <= 4


def test_a_deadline_limits_the_time_as_a_duration_does(workload: Workload, catalogue: Catalogue) -> None:
    def days_of(limits: Limits) -> float:
        plan = judged(replace(workload, limits=limits), catalogue, "complete/open-call").plan
        assert plan is not None
        return plan.duration_s.best / SECONDS_PER_DAY

    until_cutoff = datetime.timedelta(days=18)  # 2026-12-11
    deadline = Limits(deadline=MIDNIGHT + until_cutoff + datetime.timedelta(days=30))
    assert days_of(deadline) == days_of(Limits(duration_s=30 * SECONDS_PER_DAY))
    assert days_of(replace(deadline, duration_s=20 * SECONDS_PER_DAY)) <= 20
    with pytest.raises(InputError, match=r"limits\.deadline: has passed"):
        match(replace(workload, limits=Limits(deadline=MIDNIGHT)), catalogue, DAY)


def test_a_lower_bound_of_the_network_is_planned_with_and_said(workload: Workload, catalogue: Catalogue) -> None:
    bound = judged(workload, catalogue, "some-network/open-call")
    full = judged(workload, catalogue, "complete/open-call")
    assert bound.verdict == "possible"
    assert "interconnect_at_least" in codes(bound, "note")
    assert bound.plan is not None
    assert full.plan is not None
    assert bound.plan.device_hours.best >= full.plan.device_hours.best


def test_surveys_and_comparators_are_no_offers(workload: Workload, catalogue: Catalogue) -> None:
    ids = [offer.offer.id for offer in match(workload, catalogue, DAY).offers]
    assert not [one for one in ids if one.startswith(("v-survey", "abroad"))]
    assert len(ids) == len(set(ids))


def test_the_price_valid_on_the_day_counts_for_all_instances(workload: Workload, catalogue: Catalogue) -> None:
    offer = judged(workload, catalogue, "v-known/on_demand")
    assert offer.plan is not None
    assert offer.cost is not None
    instances = math.ceil(offer.plan.layout.devices / 8)
    assert offer.cost.amount.best == pytest.approx(instances * 32 * offer.plan.duration_s.best / 3600)
    before = judged(workload, catalogue, "v-known/on_demand", datetime.date(2026, 9, 15))
    assert before.cost is not None
    assert before.cost.amount.best == pytest.approx(offer.cost.amount.best * 24 / 32)


def test_monthly_rent_is_paid_in_whole_months(workload: Workload, catalogue: Catalogue) -> None:
    offer = judged(workload, catalogue, "v-monthly/monthly")
    assert offer.cost is not None
    assert offer.cost.amount.best % 10000 == 0
    assert offer.cost.amount.best > 0


def test_a_budget_in_another_currency_leaves_the_answer_open(workload: Workload, catalogue: Catalogue) -> None:
    limited = replace(workload, limits=replace(workload.limits, budget=Money(Decimal(10**9), "EUR")))
    assert codes(judged(limited, catalogue, "v-dollars/on_demand"), "unknown") == ["no_exchange_rate"]
    assert judged(limited, catalogue, "v-known/on_demand").verdict == "possible"


def test_a_budget_below_the_interval_rules_out_and_inside_it_leaves_open(
    workload: Workload, catalogue: Catalogue
) -> None:
    cost = judged(workload, catalogue, "v-known/on_demand").cost
    assert cost is not None

    def with_budget(amount: float) -> list[str]:
        limits = replace(workload.limits, budget=Money(Decimal(int(amount)), "EUR"))
        offer = judged(replace(workload, limits=limits), catalogue, "v-known/on_demand")
        return [offer.verdict, *[code for code in codes(offer, offer.verdict) if "budget" in code]]

    assert with_budget(cost.amount.low * 0.9) == ["impossible", "over_budget"]
    assert with_budget((cost.amount.low + cost.amount.best) / 2) == ["unknown", "budget_within_uncertainty"]
    assert with_budget(cost.amount.high * 1.1) == ["possible"]


def test_modules_with_two_devices_are_planned_by_device_and_granted_by_module(
    workload: Workload, catalogue: Catalogue
) -> None:
    plan, _ = plan_on(workload, PublicOffer(catalogue.systems["two-dies"], None), catalogue, DAY)
    assert plan is not None
    assert plan.machine.devices == 1024
    assert plan.machine.devices_per_node == 8
    assert plan.machine.memory_bytes == 64e9


def test_possible_comes_before_unknown_before_impossible(workload: Workload, catalogue: Catalogue) -> None:
    order = {"possible": 0, "unknown": 1, "impossible": 2}
    verdicts = [order[offer.verdict] for offer in match(workload, catalogue, DAY).offers]
    assert verdicts == sorted(verdicts)


def test_amounts_in_different_currencies_are_not_compared(workload: Workload, catalogue: Catalogue) -> None:
    costs = [one.cost for one in match(workload, catalogue, DAY).offers if one.verdict == "possible" and one.cost]
    order = [(cost.amount.high > 0, cost.currency) for cost in costs]
    assert order == sorted(order)
    assert {currency for paid, currency in order if paid} == {"EUR", "USD"}


def test_every_offer_that_is_not_possible_has_its_reason(workload: Workload) -> None:
    answer = match(workload, load_catalogue(), DAY)
    assert len(answer.offers) >= 40
    for offer in answer.offers:
        if offer.verdict != "possible":
            assert codes(offer, offer.verdict), offer.offer.id


def test_unknown_cost_is_left_out_of_json_and_never_zero(workload: Workload, catalogue: Catalogue) -> None:
    answer = json.loads(json.dumps(match_as_dict(match(workload, catalogue, DAY), "de")))
    entries = {entry["id"]: entry for entry in answer["offers"]}
    assert "cost" not in entries["v-no-price/no-price"]
    assert "cost" not in entries["complete/paid"]
    assert "gpu_hours" not in entries["mixed/open-call"]
    known = entries["v-known/on_demand"]
    for key in ("gpus", "gpu_hours", "days", "cost", "energy_kwh"):
        assert 0 < known[key]["low"] <= known[key]["best"] <= known[key]["high"]
    assert known["provider"] == "v-known"
    assert entries["complete/open-call"]["system"] == "complete"
    assert entries["complete/open-call"]["programme"] == "open-call"
