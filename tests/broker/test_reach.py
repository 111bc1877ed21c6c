from __future__ import annotations

import datetime

import pytest

from stellwerk.broker import PublicOffer, largest_on, scan_on
from stellwerk.broker.reach import share_of
from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.messages import render
from stellwerk.planner import Machine
from stellwerk.workload import Workload
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def workload() -> Workload:
    return examples.workload()


def offer(catalogue: Catalogue, system: str) -> PublicOffer:
    return PublicOffer(catalogue.systems[system], None)


@pytest.mark.parametrize(("share", "devices"), [(1.0, 1024), (0.5, 512), (0.29, 296), (4 / 1024, 4), (3 / 1024, None)])
def test_a_share_is_whole_nodes(share: float, devices: int | None) -> None:
    part = share_of(examples.machine(), share)
    assert (None if part is None else part.devices) == devices


def test_a_share_of_one_node_is_devices() -> None:
    node = Machine(**{name: getattr(examples.machine(), name) for name in Machine.__slots__} | {"devices": 4})
    half = share_of(node, 0.5)
    assert half is not None
    assert half.devices == 2


def test_a_scan_ends_at_the_machine_and_says_so(catalogue: Catalogue, workload: Workload) -> None:
    scan, findings = scan_on(workload, offer(catalogue, "tud-capella"), catalogue, DAY, 8, 10**6)
    assert scan is not None
    assert scan.scaling.points[-1].devices <= scan.scaling.machine.devices
    assert "scan_ends_at_machine" in [finding.reason.code for finding in findings]
    assert set(scan.costs) == {None}


def test_hardware_that_cannot_be_planned_has_neither(catalogue: Catalogue, workload: Workload) -> None:
    unclear = offer(catalogue, "dfki-pegasus")
    assert scan_on(workload, unclear, catalogue, DAY, 8, 64)[0] is None
    largest, findings = largest_on(workload, unclear, catalogue, 86_400.0, 1.0, 20.0)
    assert largest is None
    assert findings


def test_the_largest_stays_within_the_share(catalogue: Catalogue, workload: Workload) -> None:
    capella = offer(catalogue, "tud-capella")
    largest, _ = largest_on(workload, capella, catalogue, 30 * 86_400.0, 0.25, 20.0)
    assert largest is not None
    assert largest.best is not None
    assert largest.best.plan is not None
    whole = scan_on(workload, capella, catalogue, DAY, 1, 10**6)[0]
    assert whole is not None
    assert largest.best.plan.devices <= largest.machine.devices <= 0.25 * whole.scaling.machine.devices


def test_every_obstacle_reads_in_both_languages(catalogue: Catalogue, workload: Workload) -> None:
    scan, _ = scan_on(workload, offer(catalogue, "jsc-juwels-booster"), catalogue, DAY, 1, 8)
    assert scan is not None
    assert scan.obstacles
    for reason in scan.obstacles.values():
        assert render(reason, "de") != render(reason, "en")
