from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from stellwerk.planner import (
    Layout,
    Machine,
    layout_space,
    nodes_of,
    packaged_constants,
    plan_layout,
    search,
    usable_device_counts,
)
from stellwerk.planner.constants import rates_of
from stellwerk.planner.estimate import software_for
from stellwerk.planner.grid import LayoutGrid, grid_of
from stellwerk.planner.layouts import enumerate_layouts, layout_blocks
from stellwerk.planner.memory import memory_bytes, memory_parts
from stellwerk.planner.search import USABLE_MEMORY_SHARE, WORTH_FOR_SPEED, kept_by_definition
from stellwerk.planner.shape import shape_of
from stellwerk.planner.step import step_parts, step_s
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from stellwerk.workload import Experts, LatentAttention, OptimizerChoice, Workload

FloatArray = npt.NDArray[np.float64]


def with_experts(workload: Workload) -> Workload:
    """61 layers, which no number of stages divides, experts and latent attention."""
    architecture = replace(
        workload.architecture,
        layers=61,
        kv_heads=32,
        experts=Experts(routed=96, per_token=8, ffn_hidden=1024, shared_ffn_hidden=1024, dense_layers=1),
        latent_attention=LatentAttention(query_rank=1536, key_value_rank=512, rope_head_dim=64, value_head_dim=128),
    )
    return replace(workload, architecture=architecture)


def with_adapters(workload: Workload) -> Workload:
    return replace(workload, task=replace(workload.training, method="lora", lora_rank=16))


def with_long_sequences(workload: Workload) -> Workload:
    return replace(workload, task=replace(workload.training, sequence_length=32_768, global_batch_sequences=128))


WORKLOADS = pytest.mark.parametrize(
    "kind", [lambda workload: workload, with_experts, with_adapters, with_long_sequences]
)


def every_layout(workload: Workload, machine: Machine, devices: int) -> tuple[LayoutGrid, FloatArray, FloatArray]:
    """All layouts on as many devices, each worked out for itself: bytes and seconds of a step, shape (n,)."""
    grid = enumerate_layouts(workload.architecture, workload.training, nodes_of(machine), [devices])
    shape = shape_of(workload.architecture, workload.training)
    rates = rates_of(machine, software_for(workload.training), packaged_constants())
    parts, seconds = memory_parts(shape, rates, grid), step_parts(shape, rates, grid)
    return grid, np.sum(list(parts.values()), axis=0), np.sum(list(seconds.values()), axis=0)


@WORKLOADS
@pytest.mark.parametrize("devices", [4, 64, 96])
@pytest.mark.parametrize("memory_gb", [24, 40, 94, 400])
def test_the_search_finds_what_looking_at_every_layout_finds(
    machine: Machine, workload: Workload, kind: object, devices: int, memory_gb: float
) -> None:
    assert callable(kind)
    wanted, sized = kind(workload), replace(machine, memory_bytes=memory_gb * 1e9)
    _, needed_bytes, seconds = every_layout(wanted, sized, devices)
    fitting = seconds[needed_bytes <= USABLE_MEMORY_SHARE * sized.memory_bytes]
    found = search(wanted, sized, [devices])
    assert len(found.devices) == (len(fitting) > 0)
    assert found.least_memory_bytes == pytest.approx(needed_bytes.min(), rel=1e-12)
    if len(fitting):
        steps = wanted.training.steps
        assert found.duration_s[0] == pytest.approx(steps * fitting.min(), rel=1e-12)
        most_s = found.most_device_hours[0] * SECONDS_PER_HOUR / devices / steps
        assert fitting.min() * (1 - 1e-12) <= most_s <= fitting.max() * (1 + 1e-12)


@WORKLOADS
def test_the_sums_are_those_of_the_parts_and_of_each_layout_alone(
    machine: Machine, workload: Workload, kind: object
) -> None:
    assert callable(kind)
    wanted = kind(workload)
    shape = shape_of(wanted.architecture, wanted.training)
    rates = rates_of(machine, software_for(wanted.training), packaged_constants())
    drawn = np.random.default_rng(1)
    for block in layout_blocks(wanted.architecture, wanted.training, nodes_of(machine), [1, 64, 96]):
        parts, seconds = memory_parts(shape, rates, block), step_parts(shape, rates, block)
        assert memory_bytes(shape, rates, block) == pytest.approx(sum(parts.values()), rel=1e-12)
        assert step_s(shape, rates, block) == pytest.approx(sum(seconds.values()), rel=1e-12)
        for index in drawn.integers(0, len(block), 2):
            alone = grid_of([block.row(index)])
            for name, values in (memory_parts(shape, rates, alone) | step_parts(shape, rates, alone)).items():
                assert values[0] == pytest.approx((parts | seconds)[name].flat[index], rel=1e-12), name


@WORKLOADS
@pytest.mark.parametrize("devices", [64, 96])
def test_what_is_left_out_by_definition_is_no_faster_and_what_replaces_it_needs_no_more(
    machine: Machine, workload: Workload, kind: object, devices: int
) -> None:
    """Later recomputations and offloading only ever spare memory, sequence parallelism costs neither time nor memory,
    and replicated states cost memory and never spare time."""
    assert callable(kind)
    wanted = kind(workload)
    shape = shape_of(wanted.architecture, wanted.training)
    rates = rates_of(machine, software_for(wanted.training), packaged_constants())
    less = 1 + 1e-12
    for block in layout_blocks(wanted.architecture, wanted.training, nodes_of(machine), [devices]):
        seconds, needed_bytes = step_s(shape, rates, block), memory_bytes(shape, rates, block)
        assert (seconds[:-1] <= seconds[1:] * less).all()
        assert (seconds[:, :, 0] <= seconds[:, :, 1] * less).all()
        assert (seconds[:, :, :, 0] <= seconds[:, :, :, -1] * less).all()
        assert (needed_bytes[:, :, :, 0] <= needed_bytes[:, :, :, -1] * less).all()
        replicated = replace(block, sharding=np.zeros((1, 1, 1, 1, 1)))
        if block.sharding.ravel()[0] != 0:
            assert (seconds[:, :1] <= step_s(shape, rates, replicated) * less).all()
            assert (needed_bytes[:, :1] <= memory_bytes(shape, rates, replicated) * less).all()


def test_the_choice_within_a_time_limit_is_the_cheapest_of_all_layouts(machine: Machine, workload: Workload) -> None:
    small, limit_s = replace(machine, devices=64), 200 * SECONDS_PER_DAY
    plan = search(workload, small).choose(max_duration_s=limit_s)
    assert plan is not None
    hours = []
    for devices in usable_device_counts(small):
        _, needed_bytes, seconds = every_layout(workload, small, devices)
        duration_s = workload.training.steps * seconds
        good = (needed_bytes <= USABLE_MEMORY_SHARE * small.memory_bytes) & (duration_s <= limit_s)
        hours += (duration_s[good] * devices / SECONDS_PER_HOUR).tolist()
    assert plan.device_hours.best == pytest.approx(min(hours))
    assert plan.duration_s.best <= limit_s


def test_without_a_limit_speed_is_bought_up_to_a_tenth_more_device_hours(machine: Machine, workload: Workload) -> None:
    candidates = search(workload, machine)
    plan = candidates.choose()
    assert plan is not None
    affordable = candidates.device_hours <= WORTH_FOR_SPEED * candidates.device_hours.min()
    assert plan.duration_s.best == pytest.approx(candidates.duration_s[affordable].min())


def test_every_plan_fits_the_memory_and_takes_what_its_entry_says(machine: Machine, workload: Workload) -> None:
    candidates = search(workload, machine)
    assert candidates.evaluated > len(candidates.devices) > 0
    assert (np.diff(candidates.devices) > 0).all()
    for index in range(len(candidates.devices)):
        plan = candidates.plan(index)
        assert plan == plan_layout(workload, machine, plan.layout)
        assert plan.memory_bytes <= USABLE_MEMORY_SHARE * machine.memory_bytes
        assert plan.duration_s.best == pytest.approx(candidates.duration_s[index], rel=1e-12)
        assert plan.device_hours.best == pytest.approx(candidates.device_hours[index], rel=1e-12)


def test_more_memory_never_takes_a_plan_away(machine: Machine, workload: Workload) -> None:
    hours = []
    for memory_gb in (16, 24, 40, 80, 141, 288):
        plan = search(workload, replace(machine, memory_bytes=memory_gb * 1e9)).choose(max_duration_s=200 * 86400)
        hours.append(np.inf if plan is None else plan.device_hours.best)
    assert hours == sorted(hours, reverse=True)


def test_a_model_that_fits_nowhere_says_what_it_needs(machine: Machine, workload: Workload) -> None:
    tiny = replace(machine, memory_bytes=4e9, devices=4)
    candidates = search(workload, tiny)
    assert candidates.choose() is None
    assert candidates.fastest() is None
    assert candidates.least_memory_bytes is not None
    assert candidates.least_memory_bytes > 4e9


def test_a_limit_nobody_can_hold_yields_no_plan(machine: Machine, workload: Workload) -> None:
    assert search(workload, machine).choose(max_duration_s=60.0) is None


def test_where_memory_is_the_hosts_nothing_is_offloaded(machine: Machine, workload: Workload) -> None:
    """Where only offloading makes room, such a machine has no plan."""
    narrow = replace(machine, memory_bytes=24e9)
    plan = search(workload, narrow, [4]).fastest()
    assert plan is not None
    assert plan.layout.offload
    assert search(workload, replace(narrow, shared_host_memory=True), [4]).fastest() is None


@pytest.mark.parametrize(
    ("optimizer", "slow"), [("adamw", {"memory_bandwidth_bytes_per_s": 5e9}), ("muon", {"matmul_flops": 1e13})]
)
def test_where_offloading_is_faster_it_is_found(
    machine: Machine, workload: Workload, optimizer: OptimizerChoice, slow: dict[str, float]
) -> None:
    """The host's memory may be faster than the device's, and an optimizer may compute more than the device likes."""
    wanted = replace(workload, task=replace(workload.training, optimizer=optimizer))
    one = replace(machine, host_link_bytes_per_s=500e9, **slow)
    _, needed_bytes, seconds = every_layout(wanted, one, 16)
    found = search(wanted, one, [16])
    plan = found.fastest()
    assert plan is not None
    assert plan.layout.offload
    fastest_s = seconds[needed_bytes <= USABLE_MEMORY_SHARE * one.memory_bytes].min()
    assert found.duration_s[0] == pytest.approx(wanted.training.steps * fastest_s, rel=1e-12)
    assert found.most_device_hours[0] == pytest.approx(most_wasteful_hours(wanted, one, 16), rel=1e-12)


def most_wasteful_hours(workload: Workload, machine: Machine, devices: int) -> float:
    """Of the layouts that no other beats by definition: they neither recompute nor offload where they fit without."""
    grid, needed_bytes, seconds = every_layout(workload, machine, devices)
    fits = needed_bytes <= USABLE_MEMORY_SHARE * machine.memory_bytes
    fitting: dict[Layout, set[tuple[int, bool]]] = {}
    for index in np.flatnonzero(fits & (grid.sequence_parallel == 1)).tolist():
        layout = grid.row(index)
        plain = replace(layout, recomputation="none", offload=False)
        fitting.setdefault(plain, set()).add((int(grid.recomputation[index]), layout.offload))
    worst = 0.0
    for index in np.flatnonzero(fits & (grid.sequence_parallel == 1)).tolist():
        layout, again = grid.row(index), int(grid.recomputation[index])
        others = fitting[replace(layout, recomputation="none", offload=False)] - {(again, layout.offload)}
        if not any(other <= again and offload <= layout.offload for other, offload in others):
            worst = max(worst, float(seconds[index]))
    return worst * workload.training.steps * devices / SECONDS_PER_HOUR


@pytest.mark.parametrize("memory_gb", [24, 40, 94])
def test_the_most_wasteful_layout_that_nothing_beats_by_definition_is_said(
    machine: Machine, workload: Workload, memory_gb: float
) -> None:
    sized = replace(machine, memory_bytes=memory_gb * 1e9)
    found = search(workload, sized, [16])
    assert found.most_device_hours[0] == pytest.approx(most_wasteful_hours(workload, sized, 16), rel=1e-12)


def test_of_what_fits_the_first_in_both_is_kept() -> None:
    fits = np.zeros((3, 1, 2, 1, 3), dtype=bool)
    fits[1:, 0, :, 0, 0] = True
    fits[2, 0, 0, 0, 1] = fits[0, 0, 1, 0, 1] = True
    kept = kept_by_definition(fits)
    assert np.argwhere(kept[:, 0, :, 0, 0]).tolist() == [[1, 0]]
    assert np.argwhere(kept[:, 0, :, 0, 1]).tolist() == [[0, 1], [2, 0]]
    assert not kept[:, 0, :, 0, 2].any()


@pytest.mark.parametrize("devices", [4, 96, 1024])
def test_the_front_of_any_size_of_machine_holds_all_that_nothing_beats(
    machine: Machine, workload: Workload, devices: int
) -> None:
    """One search serves machines that differ in size only."""
    sized = replace(machine, devices=devices)
    counts = [*usable_device_counts(machine), *usable_device_counts(sized)]
    front = search(workload, machine, counts).front(sized)
    own = search(workload, sized)
    assert front.machine == sized
    unbeaten = [
        (duration_s, hours)
        for duration_s, hours in zip(own.duration_s, own.device_hours, strict=True)
        if not ((own.duration_s <= duration_s) & (own.device_hours < hours)).any()
        and not ((own.duration_s < duration_s) & (own.device_hours <= hours)).any()
    ]
    assert sorted(zip(front.duration_s, front.device_hours, strict=True)) == sorted(set(unbeaten))


def test_machines_that_share_a_space_are_answered_as_each_alone(machine: Machine, workload: Workload) -> None:
    slow = replace(machine, matmul_flops=1e14, network_bytes_per_s=5e9, memory_bytes=40e9)
    lonely = replace(machine, network_bytes_per_s=None)
    asked = [(one, usable_device_counts(one)) for one in (machine, replace(slow, devices=48), lonely)]
    every = {3, *(count for _, counts in asked for count in counts)}
    space = layout_space(workload, machine, every)
    together = space.on_each(asked)
    for (one, counts), among in zip(asked, together, strict=True):
        for shared, alone in ((space.on(one, counts), search(workload, one)), (among, search(workload, one))):
            assert shared.evaluated == alone.evaluated
            assert shared.least_memory_bytes == alone.least_memory_bytes
            assert np.isfinite(shared.duration_s).all()
            assert shared.duration_s.tolist() == pytest.approx(alone.duration_s.tolist(), rel=1e-12)
            assert shared.most_device_hours.tolist() == pytest.approx(alone.most_device_hours.tolist(), rel=1e-12)
            assert shared.plan(len(shared.devices) - 1) == alone.plan(len(alone.devices) - 1)


def test_no_device_counts_leave_no_layouts(machine: Machine, workload: Workload) -> None:
    space = layout_space(workload, machine, (4, 8))
    for nothing in (search(workload, machine, ()), space.on(machine, ()), space.on(machine, (16,))):
        assert (nothing.evaluated, nothing.least_memory_bytes) == (0, None)
        assert nothing.choose() is None
