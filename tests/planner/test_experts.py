"""Mixtures of experts and latent attention in the planner."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.planner import Layout, Machine, Plan, nodes_of, packaged_constants, plan_layout, search
from stellwerk.planner.constants import rates_of
from stellwerk.planner.estimate import BOUNDS_AT_SDS
from stellwerk.planner.grid import grid_of, stage_layers
from stellwerk.planner.held import held_by_device
from stellwerk.planner.layouts import enumerate_layouts
from stellwerk.planner.shape import shape_of
from stellwerk.workload import (
    Architecture,
    Experts,
    LatentAttention,
    Training,
    Workload,
    count_parameters,
    flops_per_token,
    published_models,
)
from tests.planner import examples

ONE_DEVICE = Layout(1, 1, 1, "none", 1, 1024, "none")
TRAINING = Training(tokens=10**9, sequence_length=4096, global_batch_sequences=1, precision="bf16")
SPREAD = Layout(2, 4, 8, "optimizer", 1, 128, "selective")
ACTIVATION_FACTOR = packaged_constants().value("activation_factor", "megatron_core", "h100-sxm-80gb")
"""Fitted: of what is really kept over the tensors that are counted here by hand."""
DEEPSEEK_V3 = published_models()["deepseek-v3"].architecture


def with_experts(workload: Workload, **experts: int) -> Workload:
    return replace(workload, architecture=replace(workload.architecture, experts=Experts(**experts)))


def planned(architecture: Architecture, layout: Layout) -> Plan:
    return plan_layout(replace(examples.workload(), architecture=architecture), examples.machine(), layout)


@pytest.mark.parametrize("layout", [ONE_DEVICE, SPREAD, Layout(4, 1, 16, "full", 2, 32, "full")])
def test_one_expert_per_token_of_one_is_the_dense_model(machine: Machine, workload: Workload, layout: Layout) -> None:
    """But for the router, one number per layer and hidden unit, and for what experts were found to take longer."""
    one = with_experts(workload, routed=1, per_token=1, ffn_hidden=workload.architecture.ffn_hidden)
    fitted = packaged_constants()
    as_dense = {"expert_slowness": 1.0, "expert_launch": 0.0}
    constants = replace(fitted, common={**fitted.common, **as_dense})
    dense, mixture = (plan_layout(asked, machine, layout, constants=constants) for asked in (workload, one))
    assert mixture.memory_bytes == pytest.approx(dense.memory_bytes, rel=1e-3)
    assert mixture.memory_parts_bytes["activations"] == pytest.approx(dense.memory_parts_bytes["activations"])
    assert mixture.step_time_s.best == pytest.approx(dense.step_time_s.best, rel=0.02)


def test_states_are_paid_for_every_expert_and_activations_for_those_in_use(
    machine: Machine, workload: Workload
) -> None:
    few, many = (with_experts(workload, routed=routed, per_token=2, ffn_hidden=2048) for routed in (8, 64))
    less, more = (plan_layout(mixture, machine, ONE_DEVICE).memory_parts_bytes for mixture in (few, many))
    states = [sum(parts[name] for name in ("weights", "gradients", "optimizer")) for parts in (less, more)]
    added = count_parameters(many.architecture).total - count_parameters(few.architecture).total
    assert states[1] - states[0] == pytest.approx(18 * added)
    assert less["activations"] == more["activations"]


def test_activations_of_a_mixture_counted_by_hand(machine: Machine, workload: Workload) -> None:
    """Two experts of width 2,048 and a shared one of 1,024 in each of 32 layers; two copies of the hidden state."""
    mixture = with_experts(workload, routed=8, per_token=2, ffn_hidden=2048, shared_ffn_hidden=1024)
    hidden, ffn = 4096, 2 * 2048 + 1024
    kept = 2 * hidden + 2 * hidden + 2 * 8 * 128 + 2 * ffn + 2 * hidden  # blocks, attention, inner products, copies
    recomputable = 2 * hidden + ffn
    per_token = 2 * (kept + recomputable) + 4 * 32
    activations = plan_layout(mixture, machine, ONE_DEVICE).memory_parts_bytes["activations"]
    assert activations == pytest.approx(ACTIVATION_FACTOR * 4096 * 32 * per_token)


def test_activations_of_latent_attention_counted_by_hand() -> None:
    latent = LatentAttention(key_value_rank=512, rope_head_dim=64, value_head_dim=96, query_rank=1536)
    architecture = Architecture(
        layers=2, hidden=2048, heads=16, kv_heads=16, head_dim=128, ffn_hidden=8192, vocab=1000,
        latent_attention=latent,
    )  # fmt: skip
    narrow, query, key, value = 1536 + 512, 16 * 192, 16 * 192, 16 * 96
    kept = 2 * 2048 + narrow + query + key + value + value + 2 * 8192
    recomputable = 2 * 2048 + narrow + 8192
    per_token = 2 * (kept + recomputable) + 4 * 16
    activations = planned(architecture, ONE_DEVICE).memory_parts_bytes["activations"]
    assert activations == pytest.approx(ACTIVATION_FACTOR * 4096 * 2 * per_token)


def test_the_time_of_matrix_products_is_flops_over_the_rate_of_experts(machine: Machine) -> None:
    """Where experts are nearly all of the work and memory is never in the way, by hand: 2 of 8 experts a token."""
    architecture = Architecture(
        layers=1, hidden=4096, heads=1, kv_heads=1, head_dim=1, ffn_hidden=4096, vocab=1,
        experts=Experts(routed=8, per_token=2, ffn_hidden=8192),
    )  # fmt: skip
    unbound = replace(machine, memory_bandwidth_bytes_per_s=1e30)
    flops = 3 * 2 * 2 * 3 * 4096 * 8192  # three passes, a multiply-add, two experts, three matrices
    rates = rates_of(unbound, "megatron_core", packaged_constants())
    plan = plan_layout(replace(examples.workload(), architecture=architecture), unbound, ONE_DEVICE)
    seconds = 1024 * 4096 * flops * rates.expert_slowness / rates.matmul
    assert plan.step_parts_s["matrix_products"] == pytest.approx(seconds, rel=0.01)
    assert flops_per_token(architecture, 4096).training == pytest.approx(flops, rel=0.01)


def test_narrow_experts_are_slower_than_wide_ones_of_the_same_work(machine: Machine, workload: Workload) -> None:
    """Eight times as many copies of a token are dispatched, each as wide as the model."""
    wide = with_experts(workload, routed=8, per_token=2, ffn_hidden=4096)
    narrow = with_experts(workload, routed=64, per_token=16, ffn_hidden=512)
    active = [count_parameters(one.architecture).active for one in (wide, narrow)]
    assert active[0] == pytest.approx(active[1], rel=0.01)
    seconds = [plan_layout(one, machine, ONE_DEVICE).step_time_s.best for one in (wide, narrow)]
    assert seconds[1] > 1.2 * seconds[0]


def test_the_interval_of_mixtures_is_wider_by_what_they_were_missed_by(machine: Machine, workload: Workload) -> None:
    spreads = packaged_constants().spreads
    mixture = with_experts(workload, routed=8, per_token=2, ffn_hidden=4096)
    latent = replace(
        workload,
        architecture=replace(workload.architecture, kv_heads=32, latent_attention=LatentAttention(512, 64, 128)),
    )
    both = math.hypot(spreads["base"], spreads["experts"])
    for one, sd in ((mixture, both), (latent, spreads["base"])):
        interval = plan_layout(one, machine, SPREAD).step_time_s
        assert math.log(interval.high / interval.best) == pytest.approx(BOUNDS_AT_SDS * sd)
        assert math.log(interval.best / interval.low) == pytest.approx(BOUNDS_AT_SDS * sd)


def test_expert_parallelism_sends_tokens_to_their_experts_and_back(machine: Machine, workload: Workload) -> None:
    """Twice two copies a token and layer, forward and backward, over the network where ranks are in other nodes."""
    mixture = with_experts(workload, routed=16, per_token=2, ffn_hidden=2048)
    layout = Layout(1, 1, 16, "optimizer", 1, 64, "none")
    alone, inside, across = (
        plan_layout(mixture, machine, replace(layout, expert=expert)).step_parts_s["expert_parallel"]
        for expert in (1, 4, 16)
    )
    assert alone == 0 < inside < across
    rates = rates_of(machine, "megatron_core", packaged_constants())
    copies = 64 * 4096 * 32 * 2 * 4096 * 2.0  # micro-batches, their tokens, layers, experts a token, hidden, bytes
    moved = 2 * 2 * copies * 3 / 4 / rates.link
    started = 2 * 2 * 64 * 32 * rates.link_latency
    assert inside == pytest.approx(rates.expert_exposed * (moved + started))


def test_tensor_parallelism_divides_one_expert(machine: Machine, workload: Workload) -> None:
    machine = replace(machine, devices_per_node=8)
    for experts, sizes in (
        (Experts(routed=8, per_token=2, ffn_hidden=1408), {1, 2, 4, 8}),
        (Experts(routed=8, per_token=2, ffn_hidden=1404), {1, 2, 4}),
        (Experts(routed=8, per_token=2, ffn_hidden=1408, shared_ffn_hidden=1406), {1, 2}),
    ):
        # The width of the dense block counts only where a layer is dense.
        odd = replace(workload.architecture, ffn_hidden=14335, experts=experts)
        grid = enumerate_layouts(odd, workload.training, nodes_of(machine), [8, 16, 64])
        assert set(np.unique(grid.tensor).tolist()) == sizes
        one_dense = replace(odd, experts=dataclasses.replace(experts, dense_layers=1))
        assert set(enumerate_layouts(one_dense, workload.training, nodes_of(machine), [8, 16, 64]).tensor.tolist()) == {
            1
        }


@given(
    layers=st.integers(1, 64),
    dense_layers=st.integers(0, 63),
    expert_width=st.sampled_from([512, 4096]),
    stages=st.integers(1, 16),
)
def test_the_fullest_stage_holds_at_least_any_stage_of_leading_dense_layers(
    layers: int, dense_layers: int, expert_width: int, stages: int
) -> None:
    """Where those with experts hold at least as much, as in every published model."""
    dense_layers, stages = min(dense_layers, layers - 1), min(stages, layers)
    architecture = Architecture(
        layers=layers, hidden=512, heads=8, kv_heads=8, head_dim=64, ffn_hidden=2048, vocab=1000,
        experts=Experts(routed=4, per_token=2, ffn_hidden=expert_width, dense_layers=dense_layers),
    )  # fmt: skip
    shape, grid = shape_of(architecture, TRAINING), grid_of([Layout(1, stages, 1, "none", 1, 1, "none")])
    held = held_by_device(shape, grid, stage_layers(shape, grid), 0.0, 0.0)
    fullest = float((held.trained + held.experts)[0]) * (1 + 1e-9)
    dense = replace(architecture, layers=1, experts=None)
    mixed = replace(architecture, layers=1, experts=replace(architecture.experts, dense_layers=0))
    final_norm = architecture.hidden
    sizes = [
        count_parameters(dense if layer < dense_layers else mixed).non_embedding - final_norm for layer in range(layers)
    ]
    per_stage = -(-layers // stages)
    for start in range(0, layers, per_stage):
        assert fullest >= sum(sizes[start : start + per_stage])
    if stages == 1:
        assert fullest == pytest.approx(count_parameters(architecture).non_embedding)


def test_deepseek_v3_is_planned_as_a_whole() -> None:
    """On one device: 18 bytes for each of 671B parameters; MFU counts only those that a token passes through."""
    plan = planned(DEEPSEEK_V3, ONE_DEVICE)
    states = sum(plan.memory_parts_bytes[name] for name in ("weights", "gradients", "optimizer"))
    assert states == pytest.approx(18 * 671_026_419_200)
    flops = flops_per_token(DEEPSEEK_V3, 4096).training
    assert plan.mfu.best == pytest.approx(flops * plan.tokens_per_s.best / examples.machine().peak_flops)


def test_a_mixture_that_fits_is_found_and_one_that_does_not_says_what_it_needs(
    machine: Machine, workload: Workload
) -> None:
    mixtral = replace(workload, architecture=published_models()["mixtral-8x7b"].architecture)
    assert search(mixtral, machine).choose() is not None
    nothing = search(replace(workload, architecture=DEEPSEEK_V3), replace(machine, devices=8))
    assert nothing.choose() is None
    assert nothing.least_memory_bytes is not None
    assert nothing.least_memory_bytes > 671e9 * 6 / 8, "weights and gradients, the states in the memory of the hosts"
