from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stellwerk.broker import JudgedOffer, match
from stellwerk.broker.grants import amount_needed, grant_bounds, judge_comparability, per_node_hour
from stellwerk.catalog import AmountLimit, Catalogue, Source, System, load_catalogue
from stellwerk.catalog.model_parts import Charge
from stellwerk.planner import Candidates, search
from stellwerk.workload import Architecture, Training
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)
SOURCE = Source((), "2026-01", None, "primary")
SMALL = Architecture(layers=12, hidden=768, heads=12, kv_heads=12, head_dim=64, ffn_hidden=3072, vocab=32768)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


@pytest.fixture(scope="module")
def options() -> Candidates:
    """Ways to train a small model on one node of four devices, with every count from one."""
    task = Training(tokens=10**9, sequence_length=1024, global_batch_sequences=12, precision="bf16")
    workload = replace(examples.workload(), architecture=SMALL, task=task)
    return search(workload, replace(examples.machine(), devices=4), {1, 2, 3, 4})


def limit(unit: str, maximum: float | None = None, **more: Any) -> AmountLimit:
    stated = {"minimum": None, "per": "", "scope": "", "system_ids": (), "source": SOURCE} | more
    return AmountLimit(unit=unit, maximum=maximum, **stated)  # type: ignore[arg-type]


def charge(unit: str | None, per: str | None, factor: float | None, whole_nodes: bool | None = None) -> Charge:
    return Charge(unit, per, factor, "", None, whole_nodes, "", SOURCE)  # type: ignore[arg-type]


def charged(catalogue: Catalogue, *charges: Charge) -> System:
    """A pool of four modules a node."""
    return replace(catalogue.systems["complete"], charges=charges)


def judged(catalogue: Catalogue, system: System, *limits: AmountLimit) -> JudgedOffer:
    programme = replace(catalogue.programmes["open-call"], limits=limits)
    changed = replace(
        catalogue,
        systems={**catalogue.systems, "complete": system},
        programmes={**catalogue.programmes, "open-call": programme},
    )
    answer = match(examples.workload(), changed, DAY)
    return next(one for one in answer.offers if one.offer.id == "complete/open-call")


def codes(offer: JudgedOffer, effect: str) -> list[str]:
    return [finding.reason.code for finding in offer.findings if finding.effect == effect]


def test_core_hours_become_comparable_with_the_charge_of_the_system(catalogue: Catalogue) -> None:
    system, core_h = charged(catalogue, charge("core_h", "module_h", 24)), limit("core_h", 1e12)
    assert per_node_hour(core_h, catalogue.systems["complete"]) is None
    assert per_node_hour(core_h, system) == 96
    assert "amount_not_comparable" in codes(judged(catalogue, catalogue.systems["complete"], core_h), "unknown")
    assert judged(catalogue, system, core_h).verdict == "possible"


@pytest.mark.parametrize(
    ("share", "effect", "code"),
    [
        (0.5, "impossible", "amount_above_maximum"),
        (0.99, "unknown", "amount_may_exceed_maximum"),
        (1.05, "note", "amount_near_maximum"),
    ],
)
def test_a_limit_in_core_hours_decides_by_what_the_plan_is_charged(
    catalogue: Catalogue, options: Candidates, share: float, effect: str, code: str
) -> None:
    system = charged(catalogue, charge("core_h", "module_h", 24))
    core_h = limit("core_h", float(options.device_hours[0]) * 24 * share)
    (bound,) = grant_bounds(replace(catalogue.programmes["open-call"], limits=(core_h,)), system, options)
    found = bound.finding(0)
    assert found is not None
    assert (found.effect, found.reason.code) == (effect, code)
    assert found.reason.params["unit"] == "core-h"


def test_a_plan_needs_its_device_hours_times_the_charge(catalogue: Catalogue, options: Candidates) -> None:
    system = charged(catalogue, charge("core_h", "module_h", 24))
    plan = options.plan(int(np.flatnonzero(options.devices == 3)[0]))
    needed = amount_needed(limit("core_h"), system, plan)
    assert needed is not None
    assert needed.best == pytest.approx(plan.device_hours.best * 24)
    assert needed.high == pytest.approx(plan.device_hours.high * 24)
    assert amount_needed(limit("core_h"), catalogue.systems["complete"], plan) is None


@pytest.mark.parametrize(("devices", "charged_devices"), [(1, 4), (2, 4), (3, 4), (4, 4)])
def test_where_whole_nodes_are_charged_idle_devices_count(
    catalogue: Catalogue, options: Candidates, devices: int, charged_devices: int
) -> None:
    index = int(np.flatnonzero(options.devices == devices)[0])
    plan = options.plan(index)
    node_h = limit("node_h", 1e-9)
    whole = charged(catalogue, charge(None, None, None, whole_nodes=True))
    needed, shared = amount_needed(node_h, whole, plan), amount_needed(node_h, charged(catalogue), plan)
    assert needed is not None
    assert shared is not None
    assert needed.best == pytest.approx(plan.device_hours.best / devices * charged_devices / 4)
    assert shared.best == pytest.approx(plan.device_hours.best / 4)
    programme = replace(catalogue.programmes["open-call"], limits=(node_h,))
    (bound,) = grant_bounds(programme, whole, options)
    found = bound.finding(index)
    assert found is not None
    assert found.reason.params["best"] == pytest.approx(needed.best)


def test_a_stated_charge_of_a_node_leads_over_the_count_of_its_modules(catalogue: Catalogue) -> None:
    gpu_h = limit("gpu_h")
    assert per_node_hour(gpu_h, charged(catalogue)) == 4
    assert per_node_hour(gpu_h, charged(catalogue, charge("gpu_h", "node_h", 6))) == 6
    assert per_node_hour(limit("node_h"), charged(catalogue)) == 1


def test_a_limit_that_holds_for_another_system_is_none_here(catalogue: Catalogue) -> None:
    elsewhere = limit("gpu_h", 1.0, system_ids=("one-node",))
    assert judged(catalogue, charged(catalogue), elsewhere).verdict == "possible"
    found = list(
        judge_comparability(
            replace(catalogue.programmes["open-call"], limits=(elsewhere,)), catalogue.systems["complete"]
        )
    )
    assert [one.reason.code for one in found] == ["amount_limit_unknown"]
