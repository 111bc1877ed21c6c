from __future__ import annotations

from dataclasses import replace

import pytest

from stellwerk.planner import Machine, search, usable_device_counts
from stellwerk.planner.scaling import scan_devices
from stellwerk.workload import Workload


def test_every_number_has_the_fastest_of_its_layouts(machine: Machine, workload: Workload) -> None:
    scan = scan_devices(workload, machine, 8, 256)
    assert [point.devices for point in scan.points] == [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]
    for point in scan.planned:
        alone = search(workload, machine, [point.devices]).fastest()
        assert point.plan == alone
    assert list(scan.fastest.devices) == [point.devices for point in scan.planned]


def test_speed_up_is_against_the_fewest_devices_and_more_devices_are_worth_less_each(
    machine: Machine, workload: Workload
) -> None:
    points = scan_devices(workload, machine, 4, 1024).planned
    first, last = points[0], points[-1]
    assert (first.speed_up, first.efficiency) == (1.0, 1.0)
    assert first.plan is not None
    assert last.plan is not None
    assert last.speed_up == pytest.approx(first.plan.duration_s.best / last.plan.duration_s.best)
    assert last.efficiency == pytest.approx(last.speed_up * first.devices / last.devices)  # type: ignore[operator]
    assert last.efficiency < 1  # type: ignore[operator]


def test_the_global_batch_stays_as_it_is(machine: Machine, workload: Workload) -> None:
    for point in scan_devices(workload, machine, 8, 1024).planned:
        assert point.plan is not None
        layout = point.plan.layout
        assert layout.data * layout.micro_batch * layout.micro_batches == workload.training.global_batch_sequences


def test_numbers_without_a_layout_are_named_with_their_reason(machine: Machine, workload: Workload) -> None:
    odd = replace(machine, devices=4 * 47, memory_bytes=40e9)
    scan = scan_devices(workload, odd, 1, 1024)
    without = {point.devices: point.obstacle for point in scan.points if point.plan is None}
    assert without == {1: "memory", 188: "batch"}
    assert {point.devices for point in scan.points} == {*usable_device_counts(odd)}
    needed = next(point.least_memory_bytes for point in scan.points if point.devices == 1)
    assert needed is not None
    assert needed > odd.memory_bytes * 0.94


def test_powers_of_two_that_are_no_whole_nodes_are_named_too(machine: Machine, workload: Workload) -> None:
    scan = scan_devices(workload, replace(machine, devices_per_node=6, devices=60), 4, 60)
    assert {point.devices for point in scan.points if point.obstacle == "nodes"} == {8, 16, 32}


def test_a_machine_without_a_known_network_ends_at_its_node(machine: Machine, workload: Workload) -> None:
    scan = scan_devices(workload, replace(machine, network_bytes_per_s=None), 1, 4096)
    assert [point.devices for point in scan.points] == [1, 2, 4]


@pytest.mark.parametrize(("low", "high"), [(64, 8), (0, 8), (2048, 4096)])
def test_a_range_that_is_none_is_refused(machine: Machine, workload: Workload, low: int, high: int) -> None:
    with pytest.raises(ValueError, match=r"range|number of devices"):
        scan_devices(workload, machine, low, high)
