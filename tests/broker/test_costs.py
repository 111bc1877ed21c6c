from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stellwerk.broker import CommercialOffer, JudgedOffer, match
from stellwerk.broker.bounds import Estimates
from stellwerk.broker.costs import Rental, budget_bound, conversions_to, judge_least_rent
from stellwerk.catalog import Catalogue, Claim, ExchangeRate, Fact, Price, Source, convert, load_catalogue
from stellwerk.units import SECONDS_PER_DAY, Money
from stellwerk.workload import Limits, Training, Workload
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)
WEEK_AGO = DAY - datetime.timedelta(days=7)
OFFER = "v-dollars/on_demand"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


def with_rate(catalogue: Catalogue, day: datetime.date = WEEK_AGO, value: str = "1.25") -> Catalogue:
    """A euro buys so many dollars since a day."""
    rate: Fact[Decimal] = Fact((Claim(Decimal(value), Source((), day.isoformat(), day, "primary")),))
    return replace(catalogue, exchange_rates={"eur-usd": ExchangeRate("eur-usd", "EUR", "USD", day, rate)})


def with_terms(catalogue: Catalogue, **terms: Any) -> Catalogue:
    product = catalogue.products["v-dollars"]
    changed = replace(product, prices=(replace(product.prices[0], **terms),))
    return replace(catalogue, products={**catalogue.products, "v-dollars": changed})


def run_of(tokens: float) -> Workload:
    task = examples.workload().task
    assert isinstance(task, Training)
    return replace(examples.workload(), task=replace(task, tokens=int(tokens)), limits=Limits())


def on(workload: Workload, catalogue: Catalogue, budget: float | None = None) -> JudgedOffer:
    if budget is not None:
        workload = replace(workload, limits=replace(workload.limits, budget=Money(Decimal(round(budget)), "EUR")))
    return next(one for one in match(workload, catalogue, DAY).offers if one.offer.id == OFFER)


def codes(offer: JudgedOffer) -> dict[str, str]:
    return {finding.reason.code: finding.effect for finding in offer.findings}


TOKENS = 1e11
"""The offer trains on them within hours."""
WHOLE = {"least_accelerators": 1024}
"""All that the plan may take, so that every plan within the shortest time costs the same."""


def test_dollars_are_compared_in_euros_and_rate_and_day_are_said(catalogue: Catalogue) -> None:
    offer = on(run_of(TOKENS), with_rate(catalogue))
    assert offer.cost is not None
    assert offer.cost.converted is not None
    assert offer.cost.currency == "USD"
    assert offer.cost.converted.best == pytest.approx(offer.cost.amount.best / 1.25)
    (said,) = [finding.reason.params for finding in offer.findings if finding.reason.code == "converted"]
    assert said == {"base": "EUR", "quote": "USD", "rate": "1.25", "day": "2026-11-16"}
    assert "rate_stale" not in codes(offer)


def test_a_stale_rate_is_used_and_said(catalogue: Catalogue) -> None:
    offer = on(run_of(TOKENS), with_rate(catalogue, DAY - datetime.timedelta(days=93)))
    assert codes(offer)["rate_stale"] == "note"
    assert "rate_stale" not in codes(on(run_of(TOKENS), with_rate(catalogue, DAY - datetime.timedelta(days=92))))


def beside(catalogue: Catalogue, share: float) -> JudgedOffer:
    """The offer under a budget that is a share of what it costs by the rate of today."""
    cost = on(run_of(TOKENS), catalogue).cost
    assert cost is not None
    assert cost.converted is not None
    return on(run_of(TOKENS), catalogue, cost.converted.best * share)


@pytest.mark.parametrize(
    ("share", "verdict", "code"),
    [
        (0.8, "impossible", "over_budget"),
        (0.95, "unknown", "budget_hangs_on_rate"),
        (1.05, "unknown", "budget_hangs_on_rate"),
        (1.2, "possible", None),
    ],
)
def test_a_rent_of_a_year_in_another_currency_near_the_budget_hangs_on_the_rate(
    catalogue: Catalogue, share: float, verdict: str, code: str | None
) -> None:
    """The run takes hours, but the year is paid to its end, when today's rate will be stale."""
    offer = beside(with_rate(with_terms(catalogue, commitment_days=365.0, **WHOLE)), share)
    found = [name for name in codes(offer) if "budget" in name]
    assert (offer.verdict, found) == (verdict, [code] if code else [])


def test_a_rent_of_a_year_in_the_currency_of_the_budget_hangs_on_no_rate(catalogue: Catalogue) -> None:
    offer = beside(with_rate(with_terms(catalogue, commitment_days=365.0, currency="EUR", **WHOLE)), 1.05)
    assert offer.verdict == "possible"
    assert not {"converted", "budget_hangs_on_rate"} & set(codes(offer))


@pytest.mark.parametrize(
    ("age_days", "commitment_days", "code"),
    [
        (0, 1.0, None),
        (0, 92.0, None),
        (0, 93.0, "budget_hangs_on_rate"),
        (90, 1.5, None),
        (90, 3.0, "budget_hangs_on_rate"),
    ],
)
def test_the_rate_moves_where_the_last_hour_is_paid_after_it_is_stale(
    catalogue: Catalogue, age_days: int, commitment_days: float, code: str | None
) -> None:
    """A rate of today stays fresh for 92 days, one that is 90 days old for two; the run itself takes hours."""
    rate = with_rate(catalogue, DAY - datetime.timedelta(days=age_days))
    offer = beside(with_terms(rate, commitment_days=commitment_days, **WHOLE), 1.05)
    assert offer.plan is not None
    assert offer.plan.duration_s.high < 1.5 * SECONDS_PER_DAY
    assert ("budget_hangs_on_rate" if "budget_hangs_on_rate" in codes(offer) else None) == code


def test_terms_for_more_accelerators_or_a_longer_time_are_paid_whole(catalogue: Catalogue) -> None:
    small = replace(run_of(1e9), limits=Limits())
    plain = on(small, with_rate(catalogue))
    day = on(small, with_rate(with_terms(catalogue, commitment_days=1.0)))
    assert plain.plan is not None
    assert plain.cost is not None
    assert day.plan is not None
    assert day.cost is not None
    assert day.cost.amount.best == pytest.approx(day.plan.devices * 4.0 * 24)
    many = on(small, with_rate(with_terms(catalogue, least_accelerators=2048)))
    assert many.plan is not None
    assert many.cost is not None
    assert many.cost.amount.best == pytest.approx(2048 * 4.0 * many.plan.duration_s.best / 3600)


def test_only_the_options_that_are_paid_late_hang_on_the_rate(catalogue: Catalogue) -> None:
    conversion = convert(Decimal(1), "USD", "EUR", with_rate(catalogue), DAY)
    amounts = Estimates(np.array([[90.0, 90.0], [101.0, 101.0], [110.0, 110.0]]))
    rental = Rental(amounts, "USD", None, conversion, np.array([True, False]))
    bounds = list(budget_bound(rental, Money(Decimal(80), "EUR")))
    found = [[bound.finding(index) for bound in bounds] for index in (0, 1)]
    assert [[one.reason.code for one in those if one] for those in found] == [
        ["budget_hangs_on_rate"],
        ["budget_within_uncertainty"],
    ]


@pytest.mark.parametrize(
    ("commitment_days", "budget", "ruled_out"),
    [(365.0, 0.95, False), (365.0, 0.85, True), (1.0, 0.95, True), (1.0, 1.05, False)],
)
def test_the_least_rent_rules_out_only_what_no_likely_rate_can_save(
    catalogue: Catalogue, commitment_days: float, budget: float, ruled_out: bool
) -> None:
    changed = with_rate(with_terms(catalogue, commitment_days=commitment_days))
    product = changed.products["v-dollars"]
    least = 8 * 4.0 * 24 * commitment_days / 1.25
    money = Money(Decimal(round(least * budget)), "EUR")
    found = list(
        judge_least_rent(CommercialOffer(product, product.prices[0]), money, conversions_to("EUR", changed, DAY), DAY)
    )
    assert [(one.effect, one.reason.code) for one in found] == [("impossible", "over_budget")] * ruled_out


@pytest.fixture(scope="module")
def packaged() -> Catalogue:
    return load_catalogue()


def price_of(catalogue: Catalogue, product_id: str, term: str) -> Price:
    return next(price for price in catalogue.products[product_id].prices if price.term == term)


@pytest.mark.parametrize(("term", "days"), [("3 years", 1095), ("1 year", 365)])
def test_a_run_of_months_on_a_reservation_of_years_pays_the_years(
    catalogue: Catalogue, packaged: Catalogue, term: str, days: int
) -> None:
    known = with_rate(catalogue)
    price = price_of(packaged, "gcp-h100-cud3", term)
    reserved = replace(known.products["v-dollars"], prices=(price,))
    known = replace(known, products={"v-dollars": reserved})
    workload = replace(run_of(1e12), limits=Limits(duration_s=90 * SECONDS_PER_DAY))
    offer = next(one for one in match(workload, known, DAY).offers if one.offer.id.startswith("v-dollars/"))
    assert offer.plan is not None
    assert offer.plan.duration_s.best <= 90 * SECONDS_PER_DAY
    assert offer.cost is not None
    assert offer.cost.amount.best == pytest.approx(offer.plan.devices * float(price.amount) * 24 * days)
    least, conversions = 8 * float(price.amount) * 24 * days / 1.25, conversions_to("EUR", known, DAY)
    for share, ruled_out in ((0.85, True), (0.95, False)):  # the dollar may fall to 0.9 of its worth in that time
        budget = Money(Decimal(round(least * share)), "EUR")
        assert bool(list(judge_least_rent(CommercialOffer(reserved, price), budget, conversions, DAY))) == ruled_out


@pytest.mark.parametrize(
    ("term", "least_dollars"),
    [
        ("16 GPUs, 2 weeks to 1 year", 16 * 14 * 24 * 9.86),
        ("64 GPUs, 2 weeks to 1 year", 64 * 14 * 24 * 9.36),
        ("256+ GPUs, 2 weeks to 1 year", 256 * 14 * 24 * 8.87),
    ],
)
def test_a_cluster_for_weeks_costs_at_least_its_fewest_gpus_for_the_shortest_time(
    packaged: Catalogue, term: str, least_dollars: float
) -> None:
    product, conversions = packaged.products["lambda-1cc-b200"], conversions_to("EUR", with_rate(packaged), DAY)
    offer = CommercialOffer(product, price_of(packaged, product.id, term))
    for share, ruled_out in ((0.99, True), (1.01, False)):
        budget = Money(Decimal(round(least_dollars / 1.25 * share)), "EUR")
        assert bool(list(judge_least_rent(offer, budget, conversions, DAY))) == ruled_out
