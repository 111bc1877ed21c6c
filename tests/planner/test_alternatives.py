from __future__ import annotations

from dataclasses import asdict, replace
from itertools import pairwise

import pytest

from stellwerk.planner import (
    Layout,
    Machine,
    Plan,
    nearest_alternatives,
    pareto_front,
    plan_layout,
    search,
)
from stellwerk.planner.alternatives import usable_memory_bytes
from stellwerk.planner.layouts import layout_blocks, nodes_of
from stellwerk.planner.neighbours import neighbours
from stellwerk.units import Interval
from stellwerk.workload import Experts, Workload

BASE = Layout(2, 4, 8, "optimizer", 1, 128, "selective")
FOLLOW = {"data", "micro_batches"}
ALL = 99


@pytest.fixture
def chosen(machine: Machine, workload: Workload) -> Plan:
    plan = search(workload, machine, (64,)).fastest()
    assert plan is not None
    return plan


def test_neighbours_differ_in_one_choice_on_as_many_devices_with_the_same_batch(
    machine: Machine, workload: Workload
) -> None:
    found = list(neighbours(workload, machine, BASE))
    for choice, layout in found:
        differing = {name for name, value in asdict(layout).items() if value != asdict(BASE)[name]}
        assert choice in differing
        assert differing - FOLLOW == {choice}
        assert layout.devices == 64
        assert layout.data * layout.micro_batch * layout.micro_batches == 1024
    values = {(choice, getattr(layout, choice)) for choice, layout in found}
    assert {("tensor", 1), ("tensor", 4), ("pipeline", 2), ("pipeline", 8), ("micro_batch", 2)} <= values
    assert {("recomputation", "none"), ("recomputation", "full"), ("interleave", 2)} <= values


def test_neighbours_have_heads_stages_and_experts_to_share_out(machine: Machine, workload: Workload) -> None:
    def choices(**changes: object) -> set[str]:
        return {choice for choice, _ in neighbours(workload, machine, replace(BASE, **changes))}  # type: ignore[arg-type]

    assert "expert" not in choices()
    assert "interleave" not in choices(pipeline=1, data=32)
    assert "sequence_parallel" not in choices(tensor=1, data=16)
    odd = replace(workload, architecture=replace(workload.architecture, heads=31, kv_heads=31))
    assert {layout.tensor for _, layout in neighbours(odd, machine, replace(BASE, tensor=1, data=16))} == {1}
    mixture = replace(workload, architecture=replace(workload.architecture, experts=Experts(8, 2, 2048)))
    assert {layout.expert for _, layout in neighbours(mixture, machine, BASE)} == {1, 2}
    assert "context" not in choices()  # a rank would have half of 4,096 tokens
    longer = replace(workload, task=replace(workload.training, sequence_length=16_384))
    assert {layout.context for _, layout in neighbours(longer, machine, BASE)} == {1, 2}
    assert "offload" in choices()
    shared = replace(machine, shared_host_memory=True)
    assert not any(layout.offload for _, layout in neighbours(workload, shared, BASE))


def test_tensor_parallelism_reaches_as_far_as_the_fast_link(machine: Machine, workload: Workload) -> None:
    at_four = replace(BASE, tensor=4, data=4)
    assert 8 not in {layout.tensor for _, layout in neighbours(workload, machine, at_four)}
    wide = replace(machine, domain_devices=72)
    assert 8 in {layout.tensor for _, layout in neighbours(workload, wide, at_four)}


def test_weights_in_four_bits_stay_whole(machine: Machine, workload: Workload) -> None:
    frozen = replace(workload, task=replace(workload.training, method="qlora"))
    layout = Layout(1, 1, 64, "optimizer", 1, 16, "full")
    assert not {"tensor", "pipeline"} & {choice for choice, _ in neighbours(frozen, machine, layout)}


def test_neighbours_that_search_knows_are_planned_as_search_plans_them(machine: Machine, workload: Workload) -> None:
    """Where memory is ample, both see the same layouts of the same choices."""
    of = (workload.architecture, workload.training, nodes_of(machine), [64])
    known = {block.row(row) for block in layout_blocks(*of, sequence_parallel=(1,)) for row in range(len(block))}
    shared = ("tensor", "pipeline", "micro_batch", "recomputation")
    assert {layout for choice, layout in neighbours(workload, machine, BASE) if choice in shared} <= known


def test_the_fastest_layout_that_fits_loses_to_nothing_that_fits(workload: Workload, chosen: Plan) -> None:
    found = nearest_alternatives(workload, chosen, ALL)
    assert len({one.choice for one in found}) == len(found) > 3
    assert all(one.time_loss >= -1e-9 for one in found if one.fits)
    assert [one.loss for one in found] == sorted(one.loss for one in found)
    assert nearest_alternatives(workload, chosen) == found[:3]


def test_what_an_alternative_loses_is_what_its_own_plan_says(
    machine: Machine, workload: Workload, chosen: Plan
) -> None:
    for one in nearest_alternatives(workload, chosen, ALL):
        assert one.plan == plan_layout(workload, machine, one.plan.layout)
        assert one.time_loss == pytest.approx(one.plan.step_time_s.best / chosen.step_time_s.best - 1)
        growth = {part: one.plan.step_parts_s[part] - chosen.step_parts_s[part] for part in chosen.step_parts_s}
        assert one.grown_s == max(*growth.values(), 0.0)
        assert one.grown_part is None or growth[one.grown_part] == one.grown_s
        assert one.fits == (one.plan.memory_bytes <= usable_memory_bytes(chosen))


def test_a_layout_that_is_only_too_large_says_by_how_much(machine: Machine, workload: Workload) -> None:
    recomputing = replace(BASE, recomputation="full")
    just_enough = plan_layout(workload, machine, recomputing).memory_bytes / 0.94 + 1.0
    tight = plan_layout(workload, replace(machine, memory_bytes=just_enough), recomputing)
    found = {one.choice: one for one in nearest_alternatives(workload, tight, ALL)}
    keeping = found["recomputation"]
    assert not keeping.fits
    assert keeping.time_loss < 0
    assert keeping.memory_over_bytes == pytest.approx(keeping.plan.memory_bytes - 0.94 * just_enough)
    assert keeping.loss == pytest.approx(keeping.memory_over_bytes / (0.94 * just_enough))


def test_a_change_that_changes_nothing_is_no_alternative(workload: Workload, chosen: Plan) -> None:
    for one in nearest_alternatives(workload, chosen, ALL):
        assert (one.plan.step_parts_s, one.plan.memory_parts_bytes) != (
            chosen.step_parts_s,
            chosen.memory_parts_bytes,
        )


def test_the_front_of_a_search_holds_the_fastest_and_buys_speed_with_devices(
    machine: Machine, workload: Workload
) -> None:
    candidates = search(workload, machine)
    plans = pareto_front(candidates)
    assert plans[-1].duration_s.best == pytest.approx(candidates.duration_s.min())
    for fewer, more in pairwise(plans):
        assert fewer.devices < more.devices
        assert fewer.duration_s.best > more.duration_s.best
    powered = [plan.energy_j or Interval.exactly(0.0) for plan in plans]
    hours = [plan.device_hours.best for plan in plans]
    assert [energy.best / hour for energy, hour in zip(powered, hours, strict=True)] == pytest.approx(
        [powered[0].best / hours[0]] * len(plans)
    )
