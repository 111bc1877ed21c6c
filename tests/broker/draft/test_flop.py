from __future__ import annotations

import re
from dataclasses import replace

import pytest

from stellwerk.broker import draft_application
from stellwerk.broker.draft.flop import flop_estimate, rule_of_thumb
from stellwerk.broker.draft.parts import DraftGround
from stellwerk.planner import Plan
from stellwerk.workload import Training, count_parameters, published_models, read_workload
from tests.broker.draft.test_application import EXAMPLES, answer, in_english, parts, said

BY_HAND = re.compile(
    r"GPU-hours: ([\d.]+)·10\^(\d+) FLOP / \(([\d,.]+)·10\^12 FLOP/s · ([\d.]+)% · 3,600 s\) = ([\d,.]+); "
    r"with the FLOP of the cross-check ([\d,.]+)\."
)


def number(shown: str) -> float:
    return float(shown.replace(",", ""))


@pytest.mark.parametrize(
    ("person", "offer"),
    [
        ("startup-7b", "jsc-jupiter-booster/eurohpc-aif-fastlane"),
        ("startup-7b", "lumi-g/eurohpc-aif-payperuse"),
        ("doctoral-lora", "pc2-otus-gpu/nhr-normal"),
    ],
)
def test_a_reviewer_who_works_out_what_is_printed_gets_the_hours_that_are_applied_for(person: str, offer: str) -> None:
    draft = draft_application(answer(person), offer)
    found = BY_HAND.search(in_english(parts(draft, "flop"), "draft_flop_hours"))
    assert found is not None
    mantissa, exponent, peak, mfu, hours, rule_hours = (number(one) for one in found.groups())
    worked_out = mantissa * 10**exponent / (peak * 1e12 * mfu / 100 * 3600)
    assert worked_out == pytest.approx(hours, rel=0.01)
    applied_for = in_english(parts(draft, "gpu_hours"), "draft_gpu_hours")
    assert number(applied_for.split()[0]) == pytest.approx(hours, rel=0.01)
    code = "draft_flop_rule_frozen" if person == "doctoral-lora" else "draft_flop_rule"
    percent = re.search(r"([\d.]+)% of the figure above", in_english(parts(draft, "flop"), code))
    assert percent is not None
    assert rule_hours == pytest.approx(number(percent[1]) / 100 * hours, rel=0.01)


def test_pre_training_is_checked_by_6_n_d() -> None:
    """6 · 7.516·10^9 · 10^12, worked out by hand."""
    shown = in_english(
        parts(draft_application(answer("startup-7b"), "eurohpc-aif-fastlane"), "flop"), "draft_flop_rule"
    )
    assert "6 · 7.52·10^9 · 1.00·10^12 = 4.51·10^22 FLOP" in shown


def test_adapters_are_checked_by_4_n_d_and_the_usual_rule_is_named_beside_it() -> None:
    """4 and 6 times 8.03·10^9 · 2·10^8."""
    draft = draft_application(answer("doctoral-lora"), "nhr-normal")
    shown = in_english(parts(draft, "flop"), "draft_flop_rule_frozen")
    assert "4 · 8.03·10^9 · 2.00·10^8 = 6.42·10^18 FLOP" in shown
    assert "6·N·D, for training all of them, would be 9.64·10^18 FLOP" in shown


def test_full_fine_tuning_is_checked_by_6_n_d() -> None:
    workload = read_workload(EXAMPLES / "doctoral-lora.toml")
    task = replace(workload.training, method="full")
    total = count_parameters(workload.architecture).total
    assert rule_of_thumb(workload, task) == pytest.approx(6.0 * total * task.tokens)


def test_of_a_mixture_of_experts_the_parameters_that_a_token_passes_through_count() -> None:
    workload = read_workload(EXAMPLES / "startup-7b.toml")
    mixtral = replace(workload, architecture=published_models()["mixtral-8x7b"].architecture)
    counts = count_parameters(mixtral.architecture)
    assert counts.active < 0.3 * counts.total
    assert rule_of_thumb(mixtral, mixtral.training) == pytest.approx(6.0 * counts.active * mixtral.training.tokens)


def test_the_rule_is_near_the_formula_for_every_published_model() -> None:
    """Attention and the head make the difference; far off, one of the two would be wrong."""
    workload = read_workload(EXAMPLES / "startup-7b.toml")
    programme = answer("startup-7b").catalogue.programmes["denbi-cloud"]
    for name, model in published_models().items():
        one = replace(workload, architecture=model.architecture)
        found = said(flop_estimate(DraftGround(one, programme, None, None, None, ())))["draft_flop_rule"]
        percent = float(found.params["percent"].en)  # type: ignore[union-attr]
        assert 60 < percent < 125, name


def test_the_rate_is_that_of_the_plan_per_gpu() -> None:
    draft = draft_application(answer("startup-7b"), "lumi-g/eurohpc-aif-payperuse")
    assert draft.judged is not None
    plan = draft.judged.plan
    assert isinstance(plan, Plan)
    shown = said(parts(draft, "flop"))["draft_sustained"].params
    assert shown["peak"].en == f"{2 * plan.machine.peak_flops / 1e12:.0f}"  # type: ignore[union-attr]
    assert float(shown["mfu_best"].en) == pytest.approx(100 * plan.mfu.best, rel=0.005)  # type: ignore[union-attr]


def test_without_a_plan_the_way_to_the_hours_is_told() -> None:
    draft = draft_application(answer("startup-7b"), "denbi-cloud")
    assert set(said(parts(draft, "flop"))) == {"draft_flop", "draft_flop_rule", "draft_flop_hours_open"}


def test_a_service_states_the_flop_of_a_request() -> None:
    """2 · 70.55·10^9 · 2,500 tokens."""
    draft = draft_application(answer("company-serve-70b"), "westai")
    assert list(said(parts(draft, "flop"))) == ["draft_flop_request"]
    assert "2 · N · tokens: 3.53·10^14" in in_english(parts(draft, "flop"), "draft_flop_request")


def test_what_the_workload_trains_decides_the_rule() -> None:
    workload = read_workload(EXAMPLES / "doctoral-lora.toml")
    for method, factor in (("pretraining", 6), ("full", 6), ("lora", 4), ("qlora", 4)):
        task: Training = replace(workload.training, method=method)  # type: ignore[arg-type]
        total = count_parameters(workload.architecture).total
        assert rule_of_thumb(workload, task) == pytest.approx(factor * total * task.tokens)
