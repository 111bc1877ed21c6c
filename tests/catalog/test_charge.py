from __future__ import annotations

import pytest

from stellwerk.catalog import (
    charge_per_module_hour,
    charge_per_node_hour,
    charges_whole_nodes,
    load_catalogue,
)
from tests.catalog.conftest import Mistakes, WriteCatalogue

STATED = 'unit = "core_h"\nper = "node_h"\nfactor = 600\nwhole_nodes = true\n'


def test_a_charge_per_node_gives_that_of_a_module(write_catalogue: WriteCatalogue) -> None:
    system = load_catalogue(write_catalogue()).systems["heim-gpu"]
    assert charge_per_node_hour(system, "core_h") == 600
    assert charge_per_module_hour(system, "core_h") == 150, "four in a node"
    assert charge_per_node_hour(system, "flop") is None
    assert charges_whole_nodes(system) is True


def test_a_charge_per_module_gives_that_of_a_node(write_catalogue: WriteCatalogue) -> None:
    stated = 'unit = "core_h"\nper = "module_h"\nfactor = 24\n'
    system = load_catalogue(write_catalogue((STATED, stated))).systems["heim-gpu"]
    assert charge_per_module_hour(system, "core_h") == 24
    assert charge_per_node_hour(system, "core_h") == 96
    assert charges_whole_nodes(system) is None


def test_without_the_size_of_a_node_nothing_is_derived(write_catalogue: WriteCatalogue) -> None:
    system = load_catalogue(write_catalogue(("accel_per_node = 4\n", ""))).systems["heim-gpu"]
    assert charge_per_node_hour(system, "core_h") == 600
    assert charge_per_module_hour(system, "core_h") is None


def test_a_charge_for_nodes_of_another_size_does_not_hold(write_catalogue: WriteCatalogue) -> None:
    other = STATED.replace("600", "1200") + "accel_per_node = 8\n"
    system = load_catalogue(write_catalogue((STATED, other))).systems["heim-gpu"]
    assert charge_per_node_hour(system, "core_h") is None


def test_a_charge_for_a_slice_is_none_for_a_module(write_catalogue: WriteCatalogue) -> None:
    slices = 'unit = "gpu_h"\nper = "slice_h"\nfactor = 0.142857\nslice = "1/7"\n'
    system = load_catalogue(write_catalogue((STATED, slices))).systems["heim-gpu"]
    assert charge_per_module_hour(system, "gpu_h") is None
    assert system.charges[0].slice == "1/7"


@pytest.mark.parametrize("stated", ["", 'unit = "core_h"\n', 'per = "node_h"\nfactor = 600\n'])
def test_a_charge_that_states_too_little_is_a_mistake(mistakes: Mistakes, stated: str) -> None:
    (error,) = mistakes((STATED, stated))
    assert error.key == "systems.heim-gpu.charges[0]"


def test_the_better_evidenced_charge_leads_wherever_it_stands(write_catalogue: WriteCatalogue) -> None:
    better = f'{STATED}source = "report"\n\n[[systems.charges]]\n{STATED.replace("600", "500")}source = "page"\n'
    system = load_catalogue(write_catalogue((f'{STATED}source = "report"\n', better))).systems["heim-gpu"]
    assert [charge.factor for charge in system.charges] == [500, 600]
    assert charge_per_node_hour(system, "core_h") == 500
