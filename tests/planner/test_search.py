from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stellwerk.planner import Machine, plan_layout, search, usable_device_counts
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
    memory = np.sum(list(candidates.memory_parts_bytes.values()), axis=0)
    assert len(memory)
    assert memory.max() <= USABLE_MEMORY_SHARE * machine.memory_bytes
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


def test_the_front_keeps_what_nothing_beats_in_time_and_hours(machine: Machine, workload: Workload) -> None:
    every = search(workload, machine)
    front = every.front()
    assert len(front.grid)
    for duration_s, hours in zip(front.duration_s, front.device_hours, strict=True):
        beaten = (every.duration_s <= duration_s) & (every.device_hours <= hours)
        beaten &= (every.duration_s < duration_s) | (every.device_hours < hours)
        assert not beaten.any()
    assert front.duration_s.min() == every.duration_s.min()
    assert front.device_hours.min() == every.device_hours.min()
    assert front.most_device_hours == every.device_hours.max()


def test_a_smaller_machine_of_the_same_kind_needs_no_search_of_its_own(machine: Machine, workload: Workload) -> None:
    small = replace(machine, devices=96)
    counts = [*usable_device_counts(machine), *usable_device_counts(small)]
    shared, own = search(workload, machine, counts).on(small), search(workload, small)
    assert sorted(shared.device_hours) == pytest.approx(sorted(own.device_hours))
    assert shared.machine == small
    assert shared.most_device_hours == pytest.approx(own.most_device_hours)
