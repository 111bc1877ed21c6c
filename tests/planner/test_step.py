from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.planner import Layout, Machine, Plan, packaged_constants, plan_layout
from stellwerk.planner.constants import rates_of
from stellwerk.planner.estimate import BOUNDS_AT_SDS
from stellwerk.planner.grid import grid_of, last_stage_layers, stage_layers
from stellwerk.planner.model import Sharding, Software
from stellwerk.planner.shape import Number, shape_of
from stellwerk.planner.step import step_parts
from stellwerk.planner.step import step_s as step_s_of
from stellwerk.workload import Architecture, Training, Workload, flops_per_token
from tests.planner import examples

BASE = Layout(2, 4, 8, "optimizer", 1, 128, "none")
ONE_SEQUENCE = Training(tokens=10**9, sequence_length=4096, global_batch_sequences=64, precision="bf16")
ONCE_A_STEP = ("pipeline_bubble", "data_parallel", "optimizer", "overhead")


def step_s(plan: Plan) -> float:
    return plan.step_time_s.best


def parts_of(
    architecture: Architecture, layout: Layout, software: Software = "megatron_core", **rate: float
) -> dict[str, float]:
    """Of a machine whose kernels start at once and whose stages hand on in no time; ``rate`` are other rates of it."""
    batch = layout.data * layout.micro_batch * layout.micro_batches
    training = Training(tokens=10**9, sequence_length=4096, global_batch_sequences=batch, precision="bf16")
    instant = {"link_bytes_per_s": 1e30, "network_bytes_per_s": 1e30, "layer_overhead_s": 0.0}
    machine = replace(examples.machine(), **instant)  # type: ignore[arg-type]
    rates = replace(rates_of(machine, software, packaged_constants()), expert_launch=0.0, network_latency=0.0, **rate)
    parts = step_parts(shape_of(architecture, training), rates, grid_of([layout]))
    return {name: float(values[0]) for name, values in parts.items()}


def without_head(layers: int) -> Architecture:
    """Logits of two words take next to no time."""
    return Architecture(layers=layers, hidden=4096, heads=32, kv_heads=8, head_dim=128, ffn_hidden=14336, vocab=2)


@pytest.mark.parametrize(("stages", "pieces"), [(2, 1), (4, 1), (8, 1), (4, 2), (4, 8), (8, 4)])
def test_the_bubble_is_stages_less_one_over_micro_batches_and_pieces(stages: int, pieces: int) -> None:
    """Narayanan et al. 2021, sections 2.2.1 and 2.2.2."""
    layout = Layout(1, stages, 1, "none", 1, 64, "none", interleave=pieces)
    parts = parts_of(without_head(32), layout)
    busy = sum(value for name, value in parts.items() if name not in ONCE_A_STEP)
    assert parts["pipeline_bubble"] / busy == pytest.approx((stages - 1) / (pieces * 64), rel=1e-3)


def test_uneven_stages_wait_for_the_fullest_and_fill_with_the_others() -> None:
    """61 layers over 8 stages: eight on the fullest, 53 on the others."""
    layout = Layout(1, 8, 1, "none", 1, 64, "none")
    uneven, even = parts_of(without_head(61), layout), parts_of(without_head(64), layout)
    for name in ("matrix_products", "attention", "memory_bound"):
        assert uneven[name] == pytest.approx(even[name], rel=1e-3)
    assert uneven["pipeline_bubble"] / even["pipeline_bubble"] == pytest.approx(53 / 56, rel=1e-3)


def test_a_heavy_head_makes_the_last_stage_the_slowest() -> None:
    """Of 61 layers over 8 stages the last one has seven, and the logits besides."""
    architecture = replace(without_head(61), vocab=256_000)
    layout = Layout(1, 8, 1, "none", 1, 64, "none")
    parts, one = parts_of(architecture, layout), parts_of(without_head(1), Layout(1, 1, 1, "none", 1, 64, "none"))
    assert parts["attention"] == pytest.approx(7 * one["attention"], rel=1e-3)
    assert parts["matrix_products"] > 8 * one["matrix_products"]


def test_a_head_hides_the_starting_of_kernels_on_its_own_stage_only() -> None:
    """Where starting them takes longest, a faster head leaves more of it visible, but never makes a step slower."""
    slow = replace(examples.machine(), layer_overhead_s=0.05)
    training = replace(ONE_SEQUENCE, sequence_length=512, global_batch_sequences=1)
    shape = shape_of(replace(without_head(2), vocab=256_000), training)

    def step_time_s(machine: Machine) -> float:
        rates = rates_of(machine, "megatron_core", packaged_constants())
        return float(step_s_of(shape, rates, grid_of([Layout(1, 2, 1, "none", 1, 1, "none")]))[0])

    assert step_time_s(replace(slow, matmul_flops=2 * slow.matmul_flops)) < step_time_s(slow)


def test_stages_cut_by_multiply_adds_take_layers_until_they_are_beyond_their_share() -> None:
    """A head as large as four layers and sixteen of these over two stages: ten would be the first one's share, and it
    takes one more before it has gone beyond; with the head the last one has nine."""
    layer = without_head(1)
    head = 4 * flops_per_token(layer, 4096).mlp + 4 * flops_per_token(layer, 4096).query_key_value
    head += 4 * flops_per_token(layer, 4096).attention_output
    architecture = replace(without_head(16), vocab=round(head / (2 * 4096)))
    even, cut = (Layout(1, 2, 1, "none", 1, 64, "none", balanced=balanced) for balanced in (False, True))
    attention = parts_of(without_head(1), Layout(1, 1, 1, "none", 1, 64, "none"))["attention"]
    assert parts_of(architecture, even)["attention"] == pytest.approx(8 * attention, rel=1e-3)
    assert parts_of(architecture, cut)["attention"] == pytest.approx(11 * attention, rel=1e-3)
    assert sum(parts_of(architecture, cut).values()) < sum(parts_of(architecture, even).values())


@given(layers=st.integers(1, 130), stages=st.integers(1, 16), vocab=st.sampled_from([2, 32_000, 256_000]))
def test_no_layer_is_lost_or_doubled_where_stages_are_cut_by_multiply_adds(
    layers: int, stages: int, vocab: int
) -> None:
    shape = shape_of(replace(without_head(layers), vocab=vocab), ONE_SEQUENCE)
    grid = grid_of([Layout(1, min(stages, layers), 1, "none", 1, 64, "none", balanced=True)])
    most, last = float(stage_layers(shape, grid)[0]), float(last_stage_layers(shape, grid)[0])
    if grid.pipeline[0] == 1:
        assert most == last == layers
    else:
        assert 0 <= last <= most <= layers
        assert last + most * (grid.pipeline[0] - 1) >= layers


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


def test_without_traffic_products_run_at_the_rate_of_the_machine(workload: Workload, machine: Machine) -> None:
    """Six FLOPs a multiply-add, forward and backward."""
    unbound = replace(machine, memory_bandwidth_bytes_per_s=1e30)
    plan = plan_layout(workload, unbound, Layout(1, 1, 1, "none", 1, 1024, "none"))
    flops = flops_per_token(workload.architecture, 4096)
    products = 3 * (flops.forward - flops.attention_scores - flops.attention_values)
    rate = rates_of(unbound, "megatron_core", packaged_constants()).matmul
    assert plan.step_parts_s["matrix_products"] == pytest.approx(products * 1024 * 4096 / rate)
    assert plan.step_parts_s["memory_bound"] == pytest.approx(0, abs=1e-6)


def test_recomputation_and_tensor_parallelism_cost_time(machine: Machine, workload: Workload) -> None:
    none, selective, full = (
        step_s(plan_layout(workload, machine, replace(BASE, recomputation=kind)))
        for kind in ("none", "selective", "full")
    )
    assert none < selective < full
    alone = plan_layout(workload, machine, Layout(1, 1, 8, "optimizer", 1, 128, "none"))
    assert alone.step_parts_s["tensor_parallel"] == 0
    assert plan_layout(workload, machine, BASE).step_parts_s["tensor_parallel"] > 0


def test_full_recomputation_repeats_the_forward_pass(machine: Machine, workload: Workload) -> None:
    """A third of the products of three passes, but for the logits; attention's backward pass is two and a half, and an
    operation of it takes longer."""
    parts = plan_layout(workload, machine, Layout(1, 1, 1, "none", 1, 1024, "full")).step_parts_s
    flops = flops_per_token(workload.architecture, 4096)
    scores = flops.attention_scores + flops.attention_values
    layers = (flops.forward - flops.logits - scores) / (flops.forward - scores)
    repeated = parts["matrix_products"] * layers / 3 + 0.8 * parts["attention"] / 3.5
    assert repeated < parts["recomputation"] < repeated + parts["memory_bound"] / 3


@pytest.mark.parametrize("tensor", [1, 4])
def test_checkpoints_that_stop_early_leave_out_the_last_product_and_its_exchange(tensor: int) -> None:
    """Of a gated block the last of three matrices: its input is kept, nobody asks for its result."""
    layout = Layout(tensor, 1, 1, "none", 1, 64, "full")
    whole, early = (parts_of(without_head(32), layout, last_repeated=share) for share in (1.0, 0.0))
    layer = flops_per_token(without_head(32), 4096)
    last = layer.mlp / 3 / (layer.mlp + layer.query_key_value + layer.attention_output)
    saved = whole["matrix_products"] / 3 * last + whole["tensor_parallel"] / 4
    assert whole["recomputation"] - early["recomputation"] == pytest.approx(saved, rel=1e-3)
    assert {name for name in whole if whole[name] != early[name]} <= {"recomputation", "data_parallel", "overhead"}


def test_only_pytorchs_own_checkpoints_stop_early() -> None:
    software = get_args(Software)
    early = {one for one in software if rates_of(examples.machine(), one, packaged_constants()).last_repeated == 0}
    assert early == {"torch_native", "fsdp_2023"}


def test_attention_of_older_software_misses_newer_units_only() -> None:
    """Units for 8 bits came with instructions that kernels before them do not use."""
    plain = replace(packaged_constants(), software={}, accelerators={})

    def attention(software: Software, fp8_flops: float | None) -> Number:
        return rates_of(replace(examples.machine(), fp8_flops=fp8_flops), software, plain).attention

    older = plain.common["older_attention"]
    assert older < 0.8
    assert attention("torch_native", 2e15) == pytest.approx(older * attention("megatron_core", 2e15))
    assert attention("torch_native", None) == attention("megatron_core", None)


def test_the_ranks_of_a_sequence_share_what_takes_time(machine: Machine, workload: Workload) -> None:
    """Each has half the tokens; keys and values pass between them."""
    long = replace(workload, task=replace(workload.training, sequence_length=32768, global_batch_sequences=128))
    whole = plan_layout(long, machine, Layout(1, 1, 1, "none", 1, 128, "none")).step_parts_s
    split = plan_layout(long, machine, Layout(1, 1, 1, "none", 1, 128, "none", context=2)).step_parts_s
    for name in ("attention", "memory_bound"):
        assert split[name] == pytest.approx(whole[name] / 2)
    assert whole["context_parallel"] == 0 < split["context_parallel"]


def test_offloaded_states_are_updated_more_slowly(machine: Machine, workload: Workload) -> None:
    here, there = (plan_layout(workload, machine, replace(BASE, offload=offload)) for offload in (False, True))
    assert there.step_parts_s["optimizer"] > 10 * here.step_parts_s["optimizer"]
    same = [name for name in here.step_parts_s if name != "optimizer"]
    assert [there.step_parts_s[name] for name in same] == [here.step_parts_s[name] for name in same]


@pytest.mark.parametrize(("precision", "rate"), [("fp8", "fp8_flops"), ("mxfp8", "fp8_flops"), ("nvfp4", "fp4_flops")])
def test_narrow_products_are_faster_only_where_the_machine_has_them(
    machine: Machine, workload: Workload, precision: str, rate: str
) -> None:
    narrow = replace(workload, task=replace(workload.training, precision=precision))
    able = replace(machine, **{rate: 3 * machine.matmul_flops})
    sixteen, without, with_them = (
        plan_layout(one, on, BASE).step_parts_s["matrix_products"]
        for one, on in ((workload, able), (narrow, machine), (narrow, able))
    )
    assert with_them < 0.8 * sixteen
    assert with_them < without


@given(
    factor=st.floats(1.0, 20.0),
    rate=st.sampled_from(["matmul_flops", "memory_bandwidth_bytes_per_s", "link_bytes_per_s", "network_bytes_per_s"]),
    sharding=st.sampled_from(["optimizer", "full"]),
)
def test_faster_hardware_is_never_slower(factor: float, rate: str, sharding: Sharding) -> None:
    layout = Layout(2, 1, 64, sharding, 1, 16, "none")
    base = examples.machine()
    faster = replace(base, **{rate: getattr(base, rate) * factor})
    assert step_s(plan_layout(examples.workload(), faster, layout)) <= step_s(
        plan_layout(examples.workload(), base, layout)
    ) * (1 + 1e-9)


def test_a_layout_across_nodes_without_a_known_network_is_refused(machine: Machine, workload: Workload) -> None:
    with pytest.raises(ValueError, match="network is unknown"):
        plan_layout(workload, replace(machine, network_bytes_per_s=None), BASE)


def test_an_accelerator_without_measured_runs_has_a_wider_interval(machine: Machine, workload: Workload) -> None:
    """Independent errors add in quadrature; the best estimate of an accelerator like it is another one."""
    spreads = packaged_constants().spreads
    known = plan_layout(workload, machine, BASE).step_time_s
    unknown = plan_layout(workload, replace(machine, accelerator=""), BASE).step_time_s
    for interval, sd in ((known, spreads["base"]), (unknown, np.hypot(spreads["base"], spreads["accelerator"]))):
        assert np.log(interval.high / interval.best) == pytest.approx(BOUNDS_AT_SDS * sd)
        assert np.log(interval.best / interval.low) == pytest.approx(BOUNDS_AT_SDS * sd)


def test_energy_counts_devices_nodes_and_the_site(machine: Machine, workload: Workload) -> None:
    plan = plan_layout(workload, machine, BASE)
    assert plan.energy_j is not None
    assert machine.power_w is not None
    device_seconds = plan.duration_s.best * 64
    assert plan.energy_j.best == pytest.approx(device_seconds * machine.power_w.best * machine.pue.best)
    assert plan.energy_j.low < plan.energy_j.best < plan.energy_j.high
