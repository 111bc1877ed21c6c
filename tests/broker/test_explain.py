from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.broker import (
    CommercialOffer,
    Explanation,
    InstanceRate,
    PublicOffer,
    alternative_reason,
    explain,
    explanation_as_dict,
    instance_rate,
    plan_on,
    reasons_for_plan,
    waterfall_picture,
)
from stellwerk.broker.explain_picture import seconds_decimals
from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.messages import LANGUAGES, Language, render
from stellwerk.planner import Alternative, Layout, Plan, plan_layout, search
from stellwerk.workload import Workload, read_workload
from tests.planner import examples

ROOT = Path(__file__).parents[2]
DAY = datetime.date(2026, 6, 1)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def workload() -> Workload:
    return read_workload(ROOT / "examples" / "german-7b.toml")


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    workload = examples.workload()
    plan = search(workload, examples.machine(), (64,)).fastest()
    assert plan is not None
    return explain(workload, plan, InstanceRate(8.0, "EUR", 4))


def _alternative(explanation: Explanation, **changes: object) -> Alternative:
    one = explanation.alternatives[0]
    return replace(one, **{"choice": "tensor", "memory_over_bytes": 0.0, "time_loss": 0.1, **changes})  # type: ignore[arg-type]


def test_the_plan_of_its_number_of_devices_is_on_the_front(explanation: Explanation) -> None:
    assert explanation.plan.layout in {plan.layout for plan in explanation.front}
    assert len(explanation.alternatives) == 3


def test_whole_instances_are_paid_for_the_time_of_the_run(explanation: Explanation) -> None:
    rate, plan = InstanceRate(8.0, "EUR", 4), explanation.plan
    hours = plan.duration_s.best / 3600
    assert rate.cost(plan).best == pytest.approx(8.0 * 16 * hours)
    alone = plan_layout(explanation.workload, plan.machine, Layout(1, 1, 2, "full", 1, 512, "full"))
    assert rate.cost(alone).best == pytest.approx(8.0 * alone.duration_s.best / 3600)


def test_a_price_on_demand_is_that_of_an_instance(catalogue: Catalogue, explanation: Explanation) -> None:
    known = 0
    for product in catalogue.products.values():
        rate = instance_rate(CommercialOffer(product, None), explanation.plan, DAY)
        price = product.price_at(DAY)
        if rate is None:
            assert price is None or price.currency is None or price.unit == "month"
            continue
        assert price is not None
        modules = product.accelerators.value or 1
        assert rate.amount == pytest.approx(float(price.amount) * (modules if price.unit == "gpu_h" else 1))
        assert rate.currency == price.currency
        known += 1
    assert known > 5
    assert instance_rate(PublicOffer(next(iter(catalogue.systems.values())), None), explanation.plan, DAY) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grown_part": "tensor_parallel", "grown_s": 0.5}, "10% slower; what grows most: Tensor parallel (+0.5 s)"),
        ({"time_loss": -0.02}, "fits as well and is 2% faster"),
        ({"memory_over_bytes": 3.2e9, "time_loss": -0.04}, "3.2 GB per device are lacking; it would be 4% faster"),
        ({"memory_over_bytes": 3.2e9}, "3.2 GB per device are lacking; it would be 10% slower as well"),
    ],
)
def test_an_alternative_says_what_it_loses(explanation: Explanation, changes: dict[str, object], said: str) -> None:
    reason = alternative_reason(_alternative(explanation, **changes), explanation.plan)
    assert said in render(reason, "en")
    assert render(reason, "de") != render(reason, "en")


def test_every_choice_and_value_of_a_layout_has_words(explanation: Explanation) -> None:
    layouts = {
        "tensor": {"tensor": 2},
        "pipeline": {"pipeline": 2},
        "context": {"context": 2},
        "expert": {"expert": 2},
        "micro_batch": {"micro_batch": 4},
        "interleave": {"interleave": 2},
        "sequence_parallel": {"sequence_parallel": False},
        "offload": {"offload": True},
        **{f"sharding {value}": {"sharding": value} for value in ("none", "optimizer", "gradients", "full", "hybrid")},
        **{f"recomputation {value}": {"recomputation": value} for value in ("none", "selective", "full")},
    }
    plan = explanation.plan
    for name, changes in layouts.items():
        other: Plan = replace(plan, layout=replace(plan.layout, **changes))  # type: ignore[arg-type]
        one = _alternative(explanation, choice=name.partition(" ")[0], plan=other)
        for language in LANGUAGES:
            assert render(alternative_reason(one, plan), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_explanation_is_plain_data(explanation: Explanation, language: Language) -> None:
    answer = json.loads(json.dumps(explanation_as_dict(explanation, DAY, "abc", language)))
    assert answer["schema"] == 1
    assert (answer["as_of"], answer["catalogue_sha256"]) == ("2026-06-01", "abc")
    assert sum(term["added_s"] for term in answer["waterfall"]) == pytest.approx(answer["plan"]["step_time_s"]["best"])
    assert answer["waterfall"][-1]["mfu"] == pytest.approx(answer["plan"]["mfu"]["best"])
    assert [entry["gpus"] for entry in answer["front"] if entry["chosen"]] == [64]
    assert answer["front"][0]["cost"]["currency"] == "EUR"
    assert all(one["reason"]["text"] for one in answer["alternatives"])
    assert {"choice", "layout", "fits", "time_loss", "memory_over_bytes", "grown_part"} <= set(
        answer["alternatives"][0]
    )


def test_what_is_not_known_is_left_out(explanation: Explanation) -> None:
    silent = replace(explanation, rate=None, front=tuple(replace(plan, energy_j=None) for plan in explanation.front))
    entry = reasons_for_plan(silent, "en")["front"][0]
    assert not {"cost", "energy_kwh"} & set(entry)


@pytest.mark.parametrize(("language", "first", "unit"), [("en", "Ideal", "100.0%"), ("de", "Ideal", "100,0 %")])
def test_the_picture_goes_from_the_ideal_to_the_predicted_step(
    explanation: Explanation, language: Language, first: str, unit: str
) -> None:
    chart = waterfall_picture(explanation, language)
    assert len(chart.rows) == len(explanation.terms) + 1
    assert (chart.rows[0][0], chart.rows[0][3]) == (first, unit)
    assert chart.rows[-1][-1] == "docs/formulas/step-time.md"
    assert all((ROOT / row[-1]).is_file() for row in chart.rows)
    assert explanation.workload.name in chart.title


@pytest.mark.parametrize(("step_s", "decimals"), [(0.035, 5), (0.35, 4), (3.5, 3), (35.0, 2), (3500.0, 0), (99e3, 0)])
def test_seconds_are_shown_with_four_figures(step_s: float, decimals: int) -> None:
    assert seconds_decimals(step_s) == decimals


def test_a_plan_of_the_catalogue_is_explained(catalogue: Catalogue, workload: Workload) -> None:
    offer = PublicOffer(catalogue.systems["jsc-jupiter-booster"], None)
    plan, _ = plan_on(workload, offer, catalogue, DAY)
    assert isinstance(plan, Plan)
    explanation = explain(workload, plan)
    assert explanation.plan.layout in {one.layout for one in explanation.front}
