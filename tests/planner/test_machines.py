from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.resources import files

import pytest

from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.planner import Machine, machine_from_accelerator, machine_of_run
from stellwerk.records import TrainingRun

GBIT_PER_S = 1e9 / 8


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def nodes_of(catalogue: Catalogue, accelerator: str, modules_per_node: int, **known: float) -> Machine:
    """Sixty-four nodes."""
    machine = machine_from_accelerator(
        catalogue.accelerators[accelerator],
        modules=64 * modules_per_node,
        modules_per_node=modules_per_node,
        **known,  # type: ignore[arg-type]
    )
    assert machine is not None
    return machine


def test_the_link_of_a_rack_joins_more_devices_than_a_node(catalogue: Catalogue) -> None:
    rack = nodes_of(catalogue, "gb200", 4)
    assert (rack.accelerator, rack.devices_per_node, rack.domain_devices) == ("gb200", 4, 72)
    assert nodes_of(catalogue, "gb200", 4, link_domain=36).domain_devices == 36
    assert nodes_of(catalogue, "h200-sxm-141gb", 8).domain_devices == 8


def test_a_module_of_two_dies_is_two_devices_in_everything(catalogue: Catalogue) -> None:
    node = nodes_of(catalogue, "mi250x", 4, network_bytes_per_s_per_node=100e9)
    assert (node.devices_per_node, node.domain_devices, node.devices) == (8, 8, 512)
    assert (node.memory_bytes, node.link_bytes_per_s, node.host_link_bytes_per_s) == (64e9, 200e9, 36e9)
    assert node.network_bytes_per_s == 12.5e9


@pytest.mark.parametrize(
    ("accelerator", "modules_per_node", "gb_per_s"),
    [
        ("mi300x", 8, 448),
        ("mi300x", 4, 192),
        ("mi300x", 2, 64),
        ("mi300x", 1, 448),
        ("gh200-96gb", 4, 450),
        ("gh200-96gb", 2, 150),
        ("h100-sxm-80gb", 2, 450),  # over a switch: the whole rate to any other one
    ],
)
def test_a_node_with_fewer_modules_leaves_links_that_are_wired_in_pairs_unused(
    catalogue: Catalogue, accelerator: str, modules_per_node: int, gb_per_s: float
) -> None:
    assert nodes_of(catalogue, accelerator, modules_per_node).link_bytes_per_s == pytest.approx(gb_per_s * 1e9)


def test_bridged_cards_reach_beyond_their_pair_over_the_host(catalogue: Catalogue) -> None:
    pair, node = nodes_of(catalogue, "h100-pcie", 2), nodes_of(catalogue, "h100-pcie", 8)
    assert (pair.link_bytes_per_s, pair.domain_devices) == (300e9, 2)
    assert (node.link_bytes_per_s, node.domain_devices) == (63e9, 8)
    assert nodes_of(catalogue, "h100-pcie", 1).domain_devices == 1  # a bridge joins no cards of two nodes


def test_a_bridge_without_a_known_way_beyond_it_leaves_one_device(catalogue: Catalogue) -> None:
    bridged = replace(
        catalogue.accelerators["h100-pcie"],
        host_link_bytes_per_s=catalogue.accelerators["mi300a"].host_link_bytes_per_s,  # unknown
    )
    machine = machine_from_accelerator(bridged, modules=64, modules_per_node=8, network_bytes_per_s_per_node=50e9)
    assert machine is not None
    assert (machine.devices, machine.network_bytes_per_s) == (1, None)


def test_the_way_to_the_host_is_what_a_source_states_or_unknown(catalogue: Catalogue) -> None:
    rates = {one: nodes_of(catalogue, one, 4).host_link_bytes_per_s for one in ("a100-sxm-80gb", "gh200-96gb", "gb200")}
    assert rates == {"a100-sxm-80gb": 31e9, "gh200-96gb": 450e9, "gb200": 450e9}
    assert nodes_of(catalogue, "b200-sxm", 8).host_link_bytes_per_s is None


def test_an_apu_has_its_hosts_memory(catalogue: Catalogue) -> None:
    apu = nodes_of(catalogue, "mi300a", 4)
    assert apu.shared_host_memory
    assert apu.host_link_bytes_per_s is None
    assert not nodes_of(catalogue, "gh200-96gb", 4).shared_host_memory


def test_small_numbers_go_by_what_the_accelerator_has(catalogue: Catalogue) -> None:
    b200, h100, a100 = (nodes_of(catalogue, one, 8) for one in ("b200-sxm", "h100-sxm-80gb", "a100-sxm-80gb"))
    assert (b200.fp8_flops, b200.fp4_flops) == (3432.5e12, pytest.approx(0.75 * 9000e12))
    assert (h100.fp8_flops, h100.fp4_flops) == (1402.6e12, None)
    assert (a100.fp8_flops, a100.fp4_flops) == (None, None)


def test_an_unknown_network_blocks_nothing(catalogue: Catalogue) -> None:
    assert nodes_of(catalogue, "h100-sxm-80gb", 8).blocking_factor == 1
    assert nodes_of(catalogue, "h100-sxm-80gb", 8).network_adapters is None
    known = nodes_of(catalogue, "h100-sxm-80gb", 8, blocking_factor=2.0, network_adapters=8)
    assert (known.blocking_factor, known.network_adapters) == (2, 8)


def test_the_names_of_the_table_of_runs_are_ids_in_other_letters(catalogue: Catalogue) -> None:
    run = TrainingRun(id="run", gpu="H100-SXM-96GB-HBM2e-500W", n_gpus=4)
    machine = machine_of_run(run, catalogue.accelerators)
    assert machine is not None
    assert machine.accelerator == "h100-sxm-96gb-hbm2e-500w"


@pytest.mark.parametrize(
    ("gpu", "known", "gbit_per_s"),
    [
        ("A100-SXM-80GB", {"notes": "zero1; network 4x100Gb RoCE per node; samples packed"}, 50),
        ("A100-SXM-80GB", {"notes": "1F1B; inter-node 800 Gb/s, NVLink; GPU memory size not in the CSV"}, 100),
        ("A100-SXM-80GB", {"source_ref": "a.md :: A100 80GB with 1600 Gbps node-node interconnect (RoCE)"}, 200),
        ("H100-SXM-80GB", {"notes": "compile; 200Gb/s RDMA per GPU; memory GiB->GB converted"}, 200),
        ("A100-SXM-80GB", {"notes": "A100 80GB; 4x1GB files; 800 Gb/s NVLink"}, 200),  # says nothing about the network
        ("H100-SXM-80GB", {}, 400),
        ("GB300", {"gpus_per_node": 4}, 800),
        ("Gaudi2", {}, 300),
        ("V100-SXM2-32GB", {"gpus_per_node": 4, "source_family": "bigscience"}, 100),
        ("V100-SXM2-32GB", {"gpus_per_node": 4}, None),  # of another machine than Jean Zay nothing is known
        ("MI355X", {}, None),
    ],
)
def test_a_run_states_its_network_or_has_that_of_the_reference_system(
    catalogue: Catalogue, gpu: str, known: dict[str, object], gbit_per_s: float | None
) -> None:
    machine = machine_of_run(TrainingRun(id="run", gpu=gpu, n_gpus=64, **known), catalogue.accelerators)  # type: ignore[arg-type]
    assert machine is not None
    assert machine.network_bytes_per_s == (None if gbit_per_s is None else pytest.approx(gbit_per_s * GBIT_PER_S))


def test_the_machine_of_a_run_has_the_devices_that_the_run_used(catalogue: Catalogue) -> None:
    rack = machine_of_run(TrainingRun(id="rack", gpu="GB200", gpus_per_node=4, n_gpus=256), catalogue.accelerators)
    assert rack is not None
    assert (rack.devices, rack.devices_per_node, rack.domain_devices) == (256, 4, 72)
    notes = "n_gpus counts MI250 modules (2 GCDs each); 800Gbps inter-node"
    dies = machine_of_run(
        TrainingRun(id="dies", gpu="MI250", gpus_per_node=4, n_gpus=128, notes=notes), catalogue.accelerators
    )
    assert dies is not None
    assert (dies.devices, dies.devices_per_node, dies.network_bytes_per_s) == (256, 8, 12.5e9)


def test_a_run_without_a_known_accelerator_or_number_has_no_machine(catalogue: Catalogue) -> None:
    assert machine_of_run(TrainingRun(id="a", gpu="TPU-v4", n_gpus=8), catalogue.accelerators) is None
    assert machine_of_run(TrainingRun(id="b", n_gpus=8), catalogue.accelerators) is None
    assert machine_of_run(TrainingRun(id="c", gpu="A100-SXM-80GB"), catalogue.accelerators) is None
    assert (
        machine_of_run(TrainingRun(id="d", gpu="L4", n_gpus=8), catalogue.accelerators) is None
    )  # no source states its rates


def test_every_reference_network_is_of_known_accelerators_and_has_a_source(catalogue: Catalogue) -> None:
    text = files("stellwerk.planner").joinpath("run_networks.toml").read_text(encoding="utf-8")
    for network in tomllib.loads(text)["networks"]:
        assert set(network["accelerators"]) <= set(catalogue.accelerators)
        assert network["source"]
