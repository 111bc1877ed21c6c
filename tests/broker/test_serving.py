from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.broker import CommercialOffer, PublicOffer, match, plan_on
from stellwerk.broker.serving import slow_end, why_not_served
from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.messages import LANGUAGES, render
from stellwerk.planner import search_serving
from stellwerk.workload import Serving, Workload, published_models
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


def service(**values: object) -> Workload:
    usual = {
        "users": 200, "concurrent_requests": 20, "prompt_tokens": 2000, "output_tokens": 500, "tokens_per_s": 15.0,
        "first_token_s": 5.0, "weights": "fp8", "duration_s": 365 * 86400.0,
    }  # fmt: skip
    architecture = published_models()["llama-3.1-70b"].architecture
    return replace(examples.workload(), architecture=architecture, task=Serving(**(usual | values)))  # type: ignore[arg-type]


def on_system(system: str, catalogue: Catalogue, **values: object) -> tuple[int | None, list[str]]:
    """Devices of the plan, and the codes of the findings."""
    plan, findings = plan_on(service(**values), PublicOffer(catalogue.systems[system], None), catalogue, DAY)
    return (plan.devices if plan else None), [finding.reason.code for finding in findings]


def test_a_service_needs_no_network_between_nodes(catalogue: Catalogue) -> None:
    connected, _ = on_system("complete", catalogue, concurrent_requests=500)
    alone, findings = on_system("no-network", catalogue, concurrent_requests=500)
    assert connected == alone
    assert alone is not None
    assert alone > 4
    assert "interconnect_unknown" not in findings


@pytest.mark.parametrize(
    ("system", "code"),
    [("mixed", "accelerator_unclear"), ("no-rates", "accelerator_rates_unknown"), ("future", "node_size_unknown")],
)
def test_what_is_unknown_stays_unknown(system: str, code: str, catalogue: Catalogue) -> None:
    assert on_system(system, catalogue) == (None, [code])


def test_of_a_pool_of_unknown_size_one_node_is_planned_with(catalogue: Catalogue) -> None:
    devices, _ = on_system("uncounted", catalogue)
    assert devices is not None
    assert devices <= 4
    assert on_system("uncounted", catalogue, concurrent_requests=500) == (None, ["pool_size_unknown"])


def test_a_product_without_a_stated_limit_is_noted_beyond_one_instance(catalogue: Catalogue) -> None:
    product = next(one for one in catalogue.products.values() if one.id == "v-known")
    unlimited = replace(product, max_coupled_accelerators=replace(product.max_coupled_accelerators, claims=()))
    plan, findings = plan_on(service(concurrent_requests=2000), CommercialOffer(unlimited, None), catalogue, DAY)
    assert plan is not None
    assert "rentable_number_unknown" in [finding.reason.code for finding in findings]


@pytest.mark.parametrize(
    ("change", "asked", "effect", "code"),
    [
        ({"memory_bytes": 10e9}, {}, "impossible", "memory_too_small"),
        ({}, {"tokens_per_s": 1e4}, "impossible", "serving_too_slow"),
        ({}, {"tokens_per_s": 70.0}, "unknown", "serving_speed_within_uncertainty"),
        ({"devices": 4}, {"concurrent_requests": 2000}, "impossible", "serving_too_few_devices"),
        ({"devices": 4}, {"concurrent_requests": 120}, "unknown", "serving_devices_within_uncertainty"),
    ],
)
def test_why_a_machine_has_no_plan(change: dict[str, float], asked: dict[str, object], effect: str, code: str) -> None:
    candidates = search_serving(service(**asked), replace(examples.machine(), **change))  # type: ignore[arg-type]
    assert candidates.choose() is None
    finding = why_not_served(candidates)
    assert (finding.effect, finding.reason.code) == (effect, code)
    assert all(render(finding.reason, language) for language in LANGUAGES)


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ({"concurrent_requests": 1, "tokens_per_s": 5.0}, []),
        ({"concurrent_requests": 500}, ["serving_devices_tight"]),
        ({"concurrent_requests": 1, "tokens_per_s": 40.0}, ["serving_speed_tight"]),
    ],
)
def test_what_the_slow_end_asks_for_is_noted(asked: dict[str, object], codes: list[str]) -> None:
    plan = search_serving(service(**asked), examples.machine()).choose()
    assert plan is not None
    findings = slow_end(plan)
    assert [finding.reason.code for finding in findings] == codes
    assert all(finding.effect == "note" and render(finding.reason, "de") for finding in findings)


def test_a_service_stands_on_no_batch_system_and_is_ready_before_it_runs(catalogue: Catalogue) -> None:
    limited = replace(catalogue.systems["complete"], max_walltime_h=catalogue.systems["complete"].nodes)  # 64 hours
    known = replace(catalogue, systems={"complete": limited, "no-network": catalogue.systems["no-network"]})
    judged = {one.offer.id: one for one in match(service(), known, DAY).offers}
    codes = {name: {finding.reason.code for finding in one.findings} for name, one in judged.items()}
    assert "service_outlives_jobs" in codes["complete/open-call"]
    assert judged["complete/open-call"].verdict == "impossible"
    assert "service_not_stated" in codes["no-network/open-call"]
    rented = judged["v-known/on_demand"]
    assert rented.verdict == "possible"
    assert rented.finish is not None
    assert rented.finish.day == DAY
    assert rented.finish.unknown == ("delivery",)


def test_a_copy_that_fits_no_node_leaves_the_answer_open_where_there_are_several(catalogue: Catalogue) -> None:
    small = {"architecture": published_models()["bloom-176b"].architecture}
    large = replace(service(weights="bf16"), **small)  # type: ignore[arg-type]
    verdicts = {one.offer.id: one for one in match(large, catalogue, DAY).offers}
    several = {finding.reason.code for finding in verdicts["complete/open-call"].findings}
    assert "serving_across_nodes" in several
    assert "interconnect_unknown" in {finding.reason.code for finding in verdicts["no-network/open-call"].findings}
    assert "memory_too_small" in {finding.reason.code for finding in verdicts["one-node/open-call"].findings}
