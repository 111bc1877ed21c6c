from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from stellwerk.planner import STEP_PARTS, Layout, Machine, plan_layout, waterfall
from stellwerk.planner.waterfall import TERM_PAGES, ideal_parts_s
from stellwerk.workload import Experts, Training, Workload, active_adapter_parameters, flops_per_token

ROOT = Path(__file__).parents[2]
LAYOUT = Layout(2, 4, 8, "optimizer", 1, 128, "full")


def test_the_terms_lead_from_the_ideal_to_the_predicted_step(machine: Machine, workload: Workload) -> None:
    plan = plan_layout(workload, machine, LAYOUT)
    terms = waterfall(workload, plan)
    flops = flops_per_token(workload.architecture, 4096).training * workload.training.tokens_per_step
    assert terms[0].name == "ideal"
    assert terms[0].reached_s == pytest.approx(flops / (64 * machine.peak_flops))
    assert terms[0].mfu == 1
    assert sum(term.added_s for term in terms) == pytest.approx(plan.step_time_s.best)
    assert terms[-1].reached_s == pytest.approx(plan.step_time_s.best)
    assert terms[-1].mfu == pytest.approx(plan.mfu.best)


def test_every_part_of_a_step_is_a_term(machine: Machine, workload: Workload) -> None:
    terms = waterfall(workload, plan_layout(workload, machine, LAYOUT))
    assert sorted(term.name for term in terms) == sorted(["ideal", *STEP_PARTS])
    assert [term.name for term in terms] == list(TERM_PAGES)


def test_the_time_of_the_products_is_their_ideal_and_what_they_take_beyond(
    machine: Machine, workload: Workload
) -> None:
    plan = plan_layout(workload, machine, LAYOUT)
    ideal = ideal_parts_s(workload, plan)
    added = {term.name: term.added_s for term in waterfall(workload, plan)}
    for part in ("matrix_products", "attention"):
        assert ideal[part] + added[part] == pytest.approx(plan.step_parts_s[part])
    for part in ("recomputation", "tensor_parallel", "pipeline_bubble", "data_parallel"):
        assert added[part] == plan.step_parts_s[part] > 0


@pytest.mark.parametrize("method", ["pretraining", "full", "lora"])
def test_the_ideals_are_the_products_with_weights_and_those_without(
    machine: Machine, workload: Workload, method: str
) -> None:
    """Counted part by part: frozen weights take two passes, adapters and attention three."""
    experts = Experts(routed=8, per_token=2, ffn_hidden=2048, dense_layers=4)
    architecture = replace(workload.architecture, experts=experts)
    training = Training(10**9, 4096, 1024, "bf16", method=method)  # type: ignore[arg-type]
    mixture = replace(workload, architecture=architecture, task=training)
    ideal = ideal_parts_s(mixture, plan_layout(mixture, machine, LAYOUT))
    flops = flops_per_token(architecture, 4096)
    with_weights = flops.query_key_value + flops.attention_output + flops.mlp + flops.experts + flops.logits
    adapters = 2 * active_adapter_parameters(architecture, training.lora_rank)
    counted = 2 * with_weights + 3 * adapters if method == "lora" else 3 * with_weights
    per_flop = 1024 * 4096 / (64 * machine.peak_flops)
    assert ideal["matrix_products"] == pytest.approx(counted * per_flop)
    assert ideal["attention"] == pytest.approx(3 * (flops.attention_scores + flops.attention_values) * per_flop)


def test_mfu_falls_with_every_term_that_takes_time(machine: Machine, workload: Workload) -> None:
    terms = waterfall(workload, plan_layout(workload, machine, LAYOUT))
    for before, after in pairwise(terms):
        assert (after.mfu < before.mfu) == (after.added_s > 0)


def test_a_format_faster_than_the_peak_that_mfu_refers_to_takes_time_away(machine: Machine, workload: Workload) -> None:
    fast = replace(machine, peak_flops=machine.peak_flops / 10)
    terms = {term.name: term for term in waterfall(workload, plan_layout(workload, fast, LAYOUT))}
    assert terms["matrix_products"].added_s < 0
    assert terms["matrix_products"].mfu > 1


def test_every_term_names_a_page_that_is_there(machine: Machine, workload: Workload) -> None:
    pages = {term.page for term in waterfall(workload, plan_layout(workload, machine, LAYOUT))}
    assert all((ROOT / page).is_file() for page in pages)


@pytest.mark.parametrize("term", STEP_PARTS)
def test_every_page_has_a_place_for_its_constants_and_its_error(term: str) -> None:
    page = (ROOT / "docs" / "formulas" / f"{TERM_PAGES[term]}.md").read_text(encoding="utf-8")
    for block in (f"<!-- constants:{term} -->\n", f"<!-- error:{term} -->\n"):
        assert page.count(block) == 1
        assert "\n<!-- end -->" in page.split(block)[1]
