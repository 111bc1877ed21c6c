from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stellwerk.planner import Machine, layout_space, nodes_of, plan_layout, search, usable_device_counts
from stellwerk.planner.search import USABLE_MEMORY_SHARE, WORTH_FOR_SPEED
from stellwerk.units import SECONDS_PER_DAY
from stellwerk.workload import Workload


def test_the_choice_within_a_time_limit_is_the_cheapest_of_all_layouts(machine: Machine, workload: Workload) -> None:
    small = replace(machine, devices=64)
    candidates = search(workload, small)
    plan = candidates.choose(max_duration_s=30 * SECONDS_PER_DAY)
    assert plan is not None
    every = [plan_layout(workload, small, candidates.grid.row(index)) for index in range(len(candidates.grid))]
    within = [one.device_hours.best for one in every if one.duration_s.best <= 30 * SECONDS_PER_DAY]
    assert plan.device_hours.best == pytest.approx(min(within))
    assert plan.duration_s.best <= 30 * SECONDS_PER_DAY


def test_without_a_limit_speed_is_bought_up_to_a_tenth_more_device_hours(machine: Machine, workload: Workload) -> None:
    candidates = search(workload, machine)
    plan = candidates.choose()
    assert plan is not None
    affordable = candidates.device_hours <= WORTH_FOR_SPEED * candidates.device_hours.min()
    assert plan.duration_s.best == pytest.approx(candidates.duration_s[affordable].min())


def test_every_kept_layout_fits_the_memory(machine: Machine, workload: Workload) -> None:
    candidates = search(workload, machine)
    assert len(candidates.memory_bytes)
    assert candidates.memory_bytes.max() <= USABLE_MEMORY_SHARE * machine.memory_bytes
    assert candidates.evaluated > len(candidates.grid)


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


def test_the_fastest_layout_of_a_number_of_devices_stands_for_all_of_it(machine: Machine, workload: Workload) -> None:
    every = search(workload, machine)
    fastest = every.fastest_by_devices()
    assert list(fastest.devices) == sorted(set(every.devices))
    for devices, duration_s, most in zip(fastest.devices, fastest.duration_s, fastest.most_device_hours, strict=True):
        same = every.devices == devices
        assert duration_s == every.duration_s[same].min()
        assert most == every.device_hours[same].max()


@pytest.mark.parametrize("devices", [4, 96, 1024])
def test_the_front_of_any_size_of_machine_holds_all_that_nothing_beats(
    machine: Machine, workload: Workload, devices: int
) -> None:
    """One search serves machines that differ in size only."""
    sized = replace(machine, devices=devices)
    counts = [*usable_device_counts(machine), *usable_device_counts(sized)]
    front = search(workload, machine, counts).fastest_by_devices().front(sized)
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
    space = layout_space(workload, nodes_of(machine), machine.runtime_bytes, every)
    for one, counts in asked:
        shared, alone = space.on(one, counts), search(workload, one)
        assert shared.evaluated == alone.evaluated
        assert shared.least_memory_bytes == alone.least_memory_bytes
        assert np.isfinite(shared.duration_s).all()
        assert shared.duration_s.tolist() == alone.duration_s.tolist()
        assert shared.plan(len(shared.grid) - 1) == alone.plan(len(alone.grid) - 1)


def test_no_device_counts_leave_no_layouts(machine: Machine, workload: Workload) -> None:
    nothing = search(workload, machine, ())
    assert (nothing.evaluated, nothing.least_memory_bytes) == (0, None)
    assert nothing.fastest_by_devices().choose() is None
