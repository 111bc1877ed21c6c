from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.catalog import (
    Catalogue,
    Source,
    System,
    charge_per_module_hour,
    charge_per_node_hour,
    charges_whole_nodes,
    load_catalogue,
    schedulable_devices,
)
from stellwerk.catalog.model_parts import Charge
from tests.catalog.conftest import WriteCatalogue

TABLE = '[[systems.charges]]\nunit = "{}"\nper = "{}"\nfactor = {}\n{}\n'
PLACE = "[[systems.claims]]"
Charged = Callable[..., System]


@pytest.fixture
def charged(write_catalogue: WriteCatalogue) -> Charged:
    """The pool of four modules a node, with charges that are written before its claims."""

    def load(*tables: str) -> System:
        return load_catalogue(write_catalogue((PLACE, "".join(tables) + PLACE))).systems["heim-gpu"]

    return load


def table(unit: str, per: str, factor: float, more: str = "") -> str:
    return TABLE.format(unit, per, factor, more)


def test_a_charge_for_a_module_and_one_for_a_node_give_each_other(charged: Charged) -> None:
    by_module = charged(table("core_h", "module_h", 24))
    assert charge_per_node_hour(by_module, "core_h") == 96
    assert charge_per_module_hour(by_module, "core_h") == 24
    by_node = charged(table("core_h", "node_h", 128))
    assert charge_per_node_hour(by_node, "core_h") == 128
    assert charge_per_module_hour(by_node, "core_h") == 32


def test_what_is_stated_counts_before_what_follows(charged: Charged) -> None:
    system = charged(table("core_h", "module_h", 24), table("core_h", "node_h", 100))
    assert (charge_per_node_hour(system, "core_h"), charge_per_module_hour(system, "core_h")) == (100, 24)


def test_without_a_charge_in_the_unit_nothing_is_known(charged: Charged, write_catalogue: WriteCatalogue) -> None:
    system = charged(table("core_h", "module_h", 24))
    assert charge_per_node_hour(system, "gpu_h") is None
    no_size = write_catalogue((PLACE, table("core_h", "module_h", 24) + PLACE), ("accel_per_node = 4\n", ""))
    unsized = load_catalogue(no_size).systems["heim-gpu"]
    assert charge_per_node_hour(unsized, "core_h") is None
    assert charge_per_module_hour(unsized, "core_h") == 24


def test_of_two_statements_the_better_evidenced_leads(charged: Charged) -> None:
    system = charged(table("core_h", "node_h", 96, 'source = "report"'), table("core_h", "node_h", 128))
    assert charge_per_node_hour(system, "core_h") == 128


def test_a_charge_for_nodes_of_another_size_does_not_hold(charged: Charged) -> None:
    other = table("core_h", "node_h", 200, "accel_per_node = 8")
    assert charge_per_node_hour(charged(other), "core_h") is None
    assert charge_per_node_hour(charged(other, table("core_h", "node_h", 100, "accel_per_node = 4")), "core_h") == 100


def test_a_charge_for_a_slice_says_nothing_about_whole_modules(charged: Charged) -> None:
    assert charge_per_module_hour(charged(table("core_h", "slice_h", 5, 'slice = "1/7"')), "core_h") is None


def test_whole_nodes_are_charged_where_somebody_says_so(charged: Charged) -> None:
    assert charges_whole_nodes(charged()) is None
    assert charges_whole_nodes(charged(table("core_h", "node_h", 96))) is None
    assert charges_whole_nodes(charged("[[systems.charges]]\nwhole_nodes = true\n\n")) is True
    assert (
        charges_whole_nodes(charged(table("core_h", "node_h", 96), "[[systems.charges]]\nwhole_nodes = false\n"))
        is False
    )


@given(modules=st.integers(1, 16), factor=st.floats(0.01, 1e4))
def test_a_node_is_charged_as_its_modules_whichever_is_stated(packaged: Catalogue, modules: int, factor: float) -> None:
    some = next(one for one in packaged.systems.values() if one.accelerators_per_node.known)
    size = some.accelerators_per_node
    sized: Any = replace(size, claims=(replace(size.claims[0], value=modules),))
    source = Source((), "2026-01-01", None, "primary")
    for per in ("module_h", "node_h"):
        charge = Charge("core_h", per, factor, "", None, None, "", source)  # type: ignore[arg-type]
        system = replace(some, charges=(charge,), accelerators_per_node=sized)
        node, module = charge_per_node_hour(system, "core_h"), charge_per_module_hour(system, "core_h")
        assert node is not None
        assert module is not None
        assert node == pytest.approx(module * modules)


def test_a_scheduler_sees_every_device_of_a_module(packaged: Catalogue, write_catalogue: WriteCatalogue) -> None:
    lumi = packaged.systems["lumi-g"]
    assert lumi.accelerator_id is not None
    assert packaged.accelerators[lumi.accelerator_id].devices == 2
    assert schedulable_devices(lumi, packaged.accelerators) == 2 * (lumi.accelerators.value or 0) > 0
    small = load_catalogue(write_catalogue())
    assert schedulable_devices(small.systems["heim-gpu"], small.accelerators) == 40


@pytest.mark.parametrize("line", ['accelerator_id = "a100"\n', "accel_total = 40\n"])
def test_without_type_or_count_the_devices_are_unknown(write_catalogue: WriteCatalogue, line: str) -> None:
    catalogue = load_catalogue(write_catalogue((line, "")))
    assert schedulable_devices(catalogue.systems["heim-gpu"], catalogue.accelerators) is None
