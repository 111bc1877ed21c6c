"""Machines from the catalogue's accelerators: those of offers, and those that published runs were measured on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from stellwerk.catalog import Accelerator
from stellwerk.planner.model import Machine
from stellwerk.units import Interval
from stellwerk.workload import Precision

if TYPE_CHECKING:  # who plans an offer needs no tables of jobs and runs
    from stellwerk.records import TrainingRun

# Assumptions without a measured source; docs/formulas/energy.md discusses them.
DEVICE_LOAD = Interval(0.6, 0.85, 1.0)
"""Mean electrical power of a busy accelerator over its thermal design power."""
NODE_SHARE = Interval(0.2, 0.4, 0.8)
"""Power of processors, memory, fans and network of a node, over the thermal design power of its accelerators."""
PUE = Interval(1.05, 1.2, 1.6)
"""Power usage effectiveness where the site states none."""

MATMUL_SHARE_OF_PEAK_UNMEASURED = 0.75
"""Best matrix-product rate over the data sheet's, where no measurement was published: between the measured 51%
(MI300X) and 87% (A100); such accelerators get the wider interval."""
RUNTIME_BYTES = 2.0e9
"""Driver context, framework and communication buffers of one process on a GPU."""
ACCELERATORS_PER_NODE = 8
"""Where a published run does not say it: nodes of eight are what the field's reference systems have."""

BITS: Mapping[Precision, int] = {"bf16": 16, "fp16": 16, "fp8": 8, "mxfp8": 8, "nvfp4": 4}
"""Of a number in a matrix product."""

_GBIT_PER_S = 1e9 / 8
_STATED_NETWORK = re.compile(r"\b(?:(?P<count>\d+)x)?(?P<rate>\d+) ?Gb(?:ps|/s)?(?=\s|$)")
"""``4x100Gb``, ``400Gb/s``, ``1600 Gbps``: small b, for bits."""
_NETWORK_WORDS = re.compile(r"inter-node|node-node|network|RDMA")
"""One of them makes a stated rate that of the network between nodes."""


def machine_from_accelerator(
    accelerator: Accelerator,
    *,
    modules: int,
    modules_per_node: int,
    module_memory_bytes: float | None = None,
    network_bytes_per_s_per_node: float | None = None,
    network_adapters: int | None = None,
    blocking_factor: float | None = None,
    link_domain: int | None = None,
) -> Machine | None:
    """The machine that ``modules`` accelerators in nodes of ``modules_per_node`` make, in schedulable devices.

    ``module_memory_bytes`` and all about the network come from the offer (the network is one node's injection
    bandwidth, one direction; None: unknown). ``link_domain`` is how many modules the link joins as the offer states
    it; the accelerator's own takes its place where that is None. An unknown blocking factor counts as 1. Where the
    link inside a node is unknown the machine is a single device. Returns None where the accelerator's rates that
    planning needs are unknown; nothing is put in their place.
    """
    devices = accelerator.devices
    peak = accelerator.bf16_flops.value or accelerator.fp16_flops.value
    memory = module_memory_bytes or accelerator.memory_bytes.value
    bandwidth = accelerator.memory_bandwidth_bytes_per_s.value
    power = accelerator.power_w.value
    if peak is None or memory is None or bandwidth is None:
        return None
    per_node = modules_per_node * devices
    domain = link_domain or accelerator.link_domain.value or modules_per_node
    link = _link_bytes_per_s(accelerator, modules_per_node)
    alone = link is None
    if link is None:
        link = bandwidth  # one device has nobody to talk to; the value is never used
    host_link = accelerator.host_link_bytes_per_s.value
    fp8_rate = _matmul_flops(accelerator.fp8_flops.value, accelerator.fp8_measured_flops.value)
    fp4_rate = _matmul_flops(accelerator.fp4_flops.value)
    return Machine(
        name=accelerator.name,
        devices=1 if alone else modules * devices,
        devices_per_node=per_node,
        memory_bytes=memory / devices,
        peak_flops=peak / devices,
        matmul_flops=(accelerator.bf16_measured_flops.value or MATMUL_SHARE_OF_PEAK_UNMEASURED * peak) / devices,
        memory_bandwidth_bytes_per_s=bandwidth / devices,
        link_bytes_per_s=link / devices,
        network_bytes_per_s=None
        if alone or network_bytes_per_s_per_node is None
        else network_bytes_per_s_per_node / per_node,
        runtime_bytes=RUNTIME_BYTES,
        power_w=None if power is None else _power_with_node(power / devices),
        pue=PUE,
        fp8_flops=fp8_rate and fp8_rate / devices,
        fp4_flops=fp4_rate and fp4_rate / devices,
        accelerator=accelerator.id,
        board_power_w=power and power / devices,
        domain_devices=max(domain, modules_per_node) * devices,
        blocking_factor=blocking_factor or 1.0,
        host_link_bytes_per_s=host_link and host_link / devices,
        shared_host_memory=accelerator.shared_host_memory.value or False,
        network_adapters=network_adapters,
    )


def product_bits(machine: Machine, precision: Precision) -> int:
    """In how many bits a plan has the matrix products: those of the precision, or the next wider ones whose rate is
    known."""
    rates = {4: machine.fp4_flops, 8: machine.fp8_flops, 16: machine.matmul_flops}
    return next(bits for bits, rate in rates.items() if bits >= BITS[precision] and rate is not None)


def machine_of_run(run: TrainingRun, accelerators: Mapping[str, Accelerator]) -> Machine | None:
    """The machine a published run was measured on, with as many devices as it used; None where the run names no
    accelerator whose rates the catalogue knows, or not how many.

    The network between nodes is what the run itself states, else what the reference system of that accelerator has
    (``run_networks.toml``, with sources), else unknown. ``n_gpus`` counts modules, of which one may be two devices.
    ``accelerators`` are the catalogue's, by id; the table's names are these ids in other letters.
    """
    accelerator_id = (run.gpu or "").casefold()
    if accelerator_id not in accelerators or run.n_gpus is None:
        return None
    per_node = run.gpus_per_node or ACCELERATORS_PER_NODE
    return machine_from_accelerator(
        accelerators[accelerator_id],
        modules=run.n_gpus,
        modules_per_node=per_node,
        network_bytes_per_s_per_node=_stated_network(run, per_node)
        or _reference_network(accelerator_id, run.source_family or "", per_node),
    )


def _link_bytes_per_s(accelerator: Accelerator, modules_per_node: int) -> float | None:
    """What one module can send to the others of its node, over all its links; None where unknown.

    Where modules are wired in pairs, a node with fewer of them leaves links unused. Where bridges join only some of a
    node, the slower way over the host is left between the others, which all then wait for.
    """
    if modules_per_node > (accelerator.bridged_modules.value or modules_per_node):
        return accelerator.host_link_bytes_per_s.value
    link, pair = accelerator.link_bytes_per_s.value, accelerator.link_per_pair_bytes_per_s.value
    if link is None or pair is None or modules_per_node == 1:
        return link
    return min(link, pair * (modules_per_node - 1))


def _matmul_flops(peak: float | None, measured: float | None = None) -> float | None:
    return measured or (peak and MATMUL_SHARE_OF_PEAK_UNMEASURED * peak)


def _power_with_node(thermal_design_power_w: float) -> Interval:
    return (
        Interval(
            DEVICE_LOAD.low + NODE_SHARE.low,
            DEVICE_LOAD.best + NODE_SHARE.best,
            DEVICE_LOAD.high + NODE_SHARE.high,
        )
        * thermal_design_power_w
    )


def _stated_network(run: TrainingRun, per_node: int) -> float | None:
    """What the row itself says that one node can send, in bytes a second; None where it says nothing."""
    for statement in _statements(run):
        rate = _STATED_NETWORK.search(statement)
        if rate is not None and _NETWORK_WORDS.search(statement):
            total = int(rate["count"] or 1) * int(rate["rate"]) * _GBIT_PER_S
            return total * per_node if "per GPU" in statement else total
    return None


def _statements(run: TrainingRun) -> Iterator[str]:
    for text in (run.notes, run.source_ref):
        yield from re.split(r"[;,]|::", text or "")


@dataclass(frozen=True, slots=True)
class _Network:
    """``[[networks]]`` of run_networks.toml."""

    accelerators: tuple[str, ...]
    gbit_per_s: float
    source_families: tuple[str, ...] = ()
    """Of runs; empty: all."""


def _reference_network(accelerator_id: str, source_family: str, per_node: int) -> float | None:
    for network in _networks():
        if accelerator_id in network.accelerators and (
            not network.source_families or source_family in network.source_families
        ):
            return network.gbit_per_s * _GBIT_PER_S * per_node
    return None


@cache
def _networks() -> tuple[_Network, ...]:
    table = tomllib.loads(files("stellwerk.planner").joinpath("run_networks.toml").read_text(encoding="utf-8"))
    return tuple(
        _Network(
            accelerators=tuple(entry["accelerators"]),
            gbit_per_s=float(entry["gbit_per_s"]),
            source_families=tuple(entry.get("source_families", ())),
        )
        for entry in table["networks"]
    )
