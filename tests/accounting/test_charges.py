from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.accounting import ChargeRule, charge, charged_devices, units_for

# JURECA-DC GPU: whole nodes of 4 GPUs, 128 core-h per node-hour. ZIB A100: 150 core-h per GPU-hour, nodes shared.
JURECA_DC = ChargeRule(unit="core-h", units_per_device_hour=128 / 4, devices_per_node=4)
ZIB_A100 = ChargeRule(unit="core-h", units_per_device_hour=150)
NODE_HOURS = ChargeRule(unit="node-h", units_per_device_hour=1 / 8, devices_per_node=8)

rules = st.sampled_from([JURECA_DC, ZIB_A100, NODE_HOURS])


@pytest.mark.parametrize(("gpus", "charged"), [(1, 128), (4, 128), (5, 256), (8, 256)])
def test_an_hour_on_whole_nodes_is_charged_by_the_node(gpus: int, charged: float) -> None:
    assert charge(JURECA_DC, devices=gpus, duration_s=3600) == pytest.approx(charged)


@pytest.mark.parametrize(("gpus", "charged"), [(1, 150), (3, 450)])
def test_an_hour_on_shared_nodes_is_charged_by_the_device(gpus: int, charged: float) -> None:
    assert charge(ZIB_A100, devices=gpus, duration_s=3600) == pytest.approx(charged)


def test_many_jobs_are_charged_at_once() -> None:
    charged = charge(NODE_HOURS, devices=np.array([8, 9, 1]), duration_s=np.array([3600, 1800, 7200]))
    assert charged == pytest.approx([1.0, 1.0, 2.0])


def test_whole_nodes_round_up() -> None:
    assert charged_devices(JURECA_DC, [0, 1, 4, 5]).tolist() == [0, 4, 4, 8]


def test_idle_devices_of_a_node_must_be_applied_for_too() -> None:
    assert units_for(JURECA_DC, device_hours=1000, devices=4) == pytest.approx(32_000)
    assert units_for(JURECA_DC, device_hours=1000, devices=2) == pytest.approx(64_000)


@given(rule=rules, devices=st.integers(1, 1000), hours=st.floats(0.01, 1e5))
def test_units_applied_for_are_what_the_jobs_are_charged(rule: ChargeRule, devices: int, hours: float) -> None:
    charged = charge(rule, devices=devices, duration_s=hours * 3600)
    assert units_for(rule, device_hours=devices * hours, devices=devices) == pytest.approx(float(charged))


@given(rule=rules, devices=st.integers(1, 1000))
def test_nobody_pays_for_less_than_what_was_asked_for_or_for_a_whole_idle_node(rule: ChargeRule, devices: int) -> None:
    idle = int(charged_devices(rule, devices)) - devices
    assert 0 <= idle < (rule.devices_per_node or 1)


@pytest.mark.parametrize(("units", "node"), [(-1.0, None), (float("nan"), None), (1.0, 0)])
def test_a_rule_that_makes_no_sense_is_refused(units: float, node: int | None) -> None:
    with pytest.raises(ValueError, match=r"must not be negative|at least one device"):
        ChargeRule(unit="core-h", units_per_device_hour=units, devices_per_node=node)
