from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.planner import Layout, Machine, Plan, plan_layout
from stellwerk.planner.step import STEP_OVERHEAD_S
from stellwerk.workload import Workload, flops_per_token
from tests.planner import examples

BASE = Layout(2, 4, 8, "optimizer", 1, 128, "none")


def step_s(plan: Plan) -> float:
    return plan.step_time_s.best


def test_the_bubble_is_stages_less_one_over_micro_batches(machine: Machine, workload: Workload) -> None:
    parts = plan_layout(workload, machine, BASE).step_parts_s
    per_step = ("pipeline_bubble", "data_parallel", "optimizer")
    busy = sum(value for name, value in parts.items() if name not in per_step) - STEP_OVERHEAD_S
    assert parts["pipeline_bubble"] / busy == pytest.approx((4 - 1) / 128)


def test_parts_sum_to_the_step_time_and_steps_to_the_duration(machine: Machine, workload: Workload) -> None:
    plan = plan_layout(workload, machine, BASE)
    assert sum(plan.step_parts_s.values()) == pytest.approx(step_s(plan))
    assert plan.duration_s.best == pytest.approx(step_s(plan) * workload.training.steps)
    assert plan.device_hours.best == pytest.approx(plan.duration_s.best * 64 / 3600)


def test_mfu_is_model_flops_over_peak(machine: Machine, workload: Workload) -> None:
    plan = plan_layout(workload, machine, BASE)
    flops = flops_per_token(workload.architecture, 4096).training * plan.tokens_per_s.best
    assert plan.mfu.best == pytest.approx(flops / (64 * machine.peak_flops))
    assert 0.1 < plan.mfu.best < 0.7


def test_recomputation_and_tensor_parallelism_cost_time(machine: Machine, workload: Workload) -> None:
    assert step_s(plan_layout(workload, machine, replace(BASE, recomputation="full"))) > step_s(
        plan_layout(workload, machine, BASE)
    )
    alone = plan_layout(workload, machine, Layout(1, 1, 8, "optimizer", 1, 128, "none"))
    assert alone.step_parts_s["tensor_parallel"] == 0
    assert plan_layout(workload, machine, BASE).step_parts_s["tensor_parallel"] > 0


@given(
    factor=st.floats(1.0, 20.0),
    rate=st.sampled_from(["matmul_flops", "memory_bandwidth_bytes_per_s", "link_bytes_per_s", "network_bytes_per_s"]),
    sharding=st.sampled_from(["optimizer", "full"]),
)
def test_faster_hardware_is_never_slower(factor: float, rate: str, sharding: str) -> None:
    layout = Layout(2, 1, 64, sharding, 1, 16, "none")  # type: ignore[arg-type]
    base = examples.machine()
    # A higher matrix rate moves the machine balance: narrow products gain less, none loses.
    faster = replace(base, **{rate: getattr(base, rate) * factor})
    assert step_s(plan_layout(examples.workload(), faster, layout)) <= step_s(
        plan_layout(examples.workload(), base, layout)
    ) * (1 + 1e-9)


def test_a_layout_across_nodes_without_a_known_network_is_refused(machine: Machine, workload: Workload) -> None:
    with pytest.raises(ValueError, match="network is unknown"):
        plan_layout(workload, replace(machine, network_bytes_per_s=None), BASE)


def test_an_accelerator_without_measured_runs_has_a_wider_interval(machine: Machine, workload: Workload) -> None:
    known = plan_layout(workload, machine, BASE).step_time_s
    unknown = plan_layout(workload, replace(machine, measured=False), BASE).step_time_s
    assert unknown.low < known.low < known.best == unknown.best < known.high < unknown.high


def test_energy_counts_devices_nodes_and_the_site(machine: Machine, workload: Workload) -> None:
    plan = plan_layout(workload, machine, BASE)
    device_seconds = plan.duration_s.best * 64
    assert plan.energy_j.best == pytest.approx(device_seconds * machine.power_w.best * machine.pue.best)
    assert plan.energy_j.low < plan.energy_j.best < plan.energy_j.high
