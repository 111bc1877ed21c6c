"""The fitted constants of the planner, and the rates of a machine that follow from them (docs/accuracy.md)."""

from __future__ import annotations

import datetime
import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from stellwerk.planner.model import Machine, Software
from stellwerk.planner.shape import Number

SMALL = 1e-30
"""For rates that are not there: nothing that needs them ever ends."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one machine with one software reaches; every field is a number or an array of shape (n,).

    Rates are per device and second, and per direction.
    """

    matmul: Number
    """FLOP/s of large matrix products in 16 bits..."""
    matmul_eight: Number
    matmul_four: Number
    matmul_traffic: Number
    """Bytes/s at which the operands of products come and go, on top."""
    expert_slowness: Number
    """How many times as long the many small products of routed experts take."""
    misaligned_slowness: Number
    """The same of products whose sides the tiles of the matrix units do not divide."""
    dispatch_bytes: Number
    """Moved to sort, gather and weigh each number of the copies that go to routed experts, forward."""
    narrowing_bytes: Number
    """Moved per operand to turn it into 8 or 4 bits."""
    attention: Number
    """FLOP/s of fused attention with wide heads."""
    head_half: Number
    """Width of a head at which attention reaches half of that."""
    score_bytes: Number
    """Moved per score where attention is not fused, forward."""
    memory: Number
    """Bytes/s of the kernels between products."""
    traffic_factor: Number
    """How often these kernels move each number, relative to one reading and one writing by each."""
    selective_products: Number
    """Share of the matrix products that selective recomputation repeats."""
    last_repeated: Number
    """1 where full recomputation goes to the end of a layer, 0 where it leaves out the last product."""
    selective_kept: Number
    """Share of the other activations that it keeps."""
    adapter_bytes: Number
    """Moved by adapters per number of a matrix's sides, forward."""
    logit_bytes: Number
    """Moved per token and entry of the vocabulary for the loss."""
    link: Number
    link_latency: Number
    network: Number
    network_latency: Number
    """Of a collective, for each node that its ring passes."""
    devices_per_node: Number
    domain_devices: Number
    tensor_exposed: Number
    """Share of tensor-parallel communication that nothing hides."""
    stage_exposed: Number
    expert_exposed: Number
    data_overlap: Number
    """Of the computation beside it, usable to hide data-parallel communication."""
    gather_slowness: Number
    """How many times as long the gathers and reductions of full sharding take."""
    data_exposed: Number
    """Share of data-parallel communication that stays visible whatever runs beside it."""
    reduced_bytes: Number
    """Of a gradient on its way to the other ranks, where weights are not sharded."""
    layer_launch: Number
    """Seconds to start the kernels of one layer for one micro-batch, forward and backward."""
    expert_launch: Number
    """The same besides, for a layer with experts."""
    step_overhead: Number
    host_link: Number
    """Bytes/s between a device and its host's memory..."""
    host_memory: Number
    """...and between that memory and the processors, a device's share."""
    activation_factor: Number
    """Memory of activations, relative to the tensors that the formulas count."""
    logit_memory: Number
    """Bytes kept per token and entry of the vocabulary."""
    runtime: Number
    """Bytes that driver, framework and communication library take."""


@dataclass(frozen=True, slots=True)
class Constants:
    """A constant is a common value, times a deviation of the software, times one of the accelerator.

    Deviations that are not listed are 1: nothing says that this software or accelerator differs.
    """

    common: Mapping[str, float]
    software: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    accelerators: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    measured_rows: Mapping[str, int] = field(default_factory=dict)
    """By accelerator, how many measured rows are behind the constants."""
    spreads: Mapping[str, float] = field(default_factory=dict)
    """Standard deviations of the logarithm of measured over predicted (planner.estimate says of what)."""
    fitted: datetime.date | None = None
    sha256: str = ""
    """Of the file that they were read from."""

    def value(self, name: str, software: str, accelerator: str) -> float:
        """Raises KeyError where there is no such constant."""
        value = self.common[name]
        value *= self.software.get(software, {}).get(name, 1.0)
        return value * self.accelerators.get(accelerator, {}).get(name, 1.0)


@functools.cache
def packaged_constants() -> Constants:
    """Those that ``make calibrate`` fitted last."""
    content = resources.files("stellwerk.planner").joinpath("constants.toml").read_bytes()
    constants = constants_from_values(tomllib.loads(content.decode()))
    return replace(constants, sha256=hashlib.sha256(content).hexdigest())


def constants_from_values(values: Mapping[str, Any]) -> Constants:
    """From the tables of a constants file."""
    return Constants(
        common={name: float(one["value"]) for name, one in values["common"].items()},
        software=_factors(values.get("software", {})),
        accelerators=_factors(values.get("accelerator", {})),
        measured_rows=dict(values.get("measured_rows", {})),
        spreads=dict(values.get("spreads", {})),
        fitted=values.get("fitted"),
    )


def _factors(tables: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {owner: {name: float(one["factor"]) for name, one in table.items()} for owner, table in tables.items()}


MOST_OVERLAP = 0.95
"""Of computation that communication can hide behind: all of it would make a faster machine no faster."""
POWER_PER_FLOPS = 700.0 / 989.4e12
"""Of an H100, in watts per FLOP/s: machines are compared with it."""
ENOUGH_POWER = 1.8
"""In units of an H100's: what an A100 has, which keeps its clocks under load. More changes nothing."""
SELECTIVE_PRODUCTS: Mapping[Software, float] = {"torch_native": 0.5}
"""torchtitan's selective recomputation saves the result of every other matrix product (its policy
``_get_custom_policy``); elsewhere products are not repeated."""
LAST_REPEATED: Mapping[Software, float] = {"torch_native": 0.0, "fsdp_2023": 0.0}
"""PyTorch's checkpoints stop as soon as the last kept tensor is there (``set_checkpoint_early_stop``, on by default);
Megatron-LM's and DeepSpeed's run the whole layer again."""
SELECTIVE_KEPT: Mapping[Software, float] = {"torch_native": 0.65}
"""Of what the planner's selective recomputation keeps: the same policy drops half of the products' results."""
REDUCED_BYTES: Mapping[Software, float] = {"megatron_core": 2.0}
"""Megatron-Core reduces gradients in 16 bits as its published configurations for speed do; others in 32."""
NEW_KERNELS: frozenset[Software] = frozenset({"megatron_core"})
"""Software whose attention uses the instructions that came with the first accelerators for 8 bits; without these a
kernel reaches 35% of an H100 (Shah et al. 2024, arXiv:2407.08608, section 1)."""
HOST_MEMORY_BYTES_PER_S = 40e9
"""A device's share of its host's memory bandwidth. Assumption: eight channels of DDR5 for every four devices."""
PCIE_BYTES_PER_S = 25e9
"""What PCIe 4.0 x16 carries of its 32 GB/s, where the link to the host is unknown."""


def rates_of(machine: Machine, software: Software, constants: Constants) -> Rates:
    """What the machine reaches with the software. What was measured on the machine stands before any constant."""

    def constant(name: str) -> float:
        factor = 1.0 if machine.calibration is None else machine.calibration.factor(name, software)
        return factor * constants.value(name, software, machine.accelerator)

    cooled = 1.0
    if machine.board_power_w is not None:
        # The less power an operation may take, the further its sustained rate lies below the best measured one.
        power = machine.board_power_w / machine.peak_flops / POWER_PER_FLOPS
        cooled = min(power, ENOUGH_POWER) ** constant("power_exponent")
    matmul = machine.matmul_flops * constant("matmul") * cooled
    wide = matmul / machine.matmul_flops
    eight = wide * constant("matmul_eight") * machine.fp8_flops if machine.fp8_flops else matmul
    four = wide * constant("matmul_four") * machine.fp4_flops if machine.fp4_flops else eight
    attention = machine.attention_flops or machine.matmul_flops * constant("attention")
    if machine.attention_flops is None and machine.fp8_flops and software not in NEW_KERNELS:
        attention *= constant("older_attention")
    network = machine.network_bytes_per_s
    return Rates(
        matmul=matmul,
        matmul_eight=eight,
        matmul_four=four,
        matmul_traffic=machine.memory_bandwidth_bytes_per_s * constant("matmul_traffic"),
        expert_slowness=constant("expert_slowness"),
        misaligned_slowness=constant("misaligned_slowness"),
        dispatch_bytes=constant("dispatch_bytes"),
        narrowing_bytes=constant("narrowing_bytes"),
        attention=attention,
        head_half=constant("head_half"),
        score_bytes=constant("score_bytes"),
        memory=machine.memory_bandwidth_bytes_per_s * constant("memory"),
        traffic_factor=constant("traffic_factor"),
        selective_products=SELECTIVE_PRODUCTS.get(software, 0.0),
        last_repeated=LAST_REPEATED.get(software, 1.0),
        selective_kept=SELECTIVE_KEPT.get(software, 1.0),
        adapter_bytes=constant("adapter_bytes"),
        logit_bytes=constant("logit_bytes"),
        link=machine.link_bytes_per_s * constant("link"),
        link_latency=constant("link_latency") if machine.collective_latency_s is None else machine.collective_latency_s,
        network=SMALL if network is None else network * constant("network") / machine.blocking_factor,
        network_latency=constant("network_latency"),
        devices_per_node=machine.devices_per_node,
        domain_devices=machine.domain_devices or machine.devices_per_node,
        tensor_exposed=constant("tensor_exposed"),
        stage_exposed=constant("stage_exposed"),
        expert_exposed=constant("expert_exposed"),
        data_overlap=min(constant("data_overlap"), MOST_OVERLAP) if machine.overlap is None else machine.overlap,
        gather_slowness=constant("gather_slowness"),
        data_exposed=constant("data_exposed"),
        reduced_bytes=REDUCED_BYTES.get(software, 4.0),
        layer_launch=constant("layer_launch") if machine.layer_overhead_s is None else machine.layer_overhead_s,
        expert_launch=constant("expert_launch"),
        step_overhead=constant("step_overhead"),
        host_link=machine.host_link_bytes_per_s or PCIE_BYTES_PER_S,
        host_memory=HOST_MEMORY_BYTES_PER_S,
        activation_factor=constant("activation_factor"),
        logit_memory=constant("logit_memory"),
        runtime=machine.runtime_bytes,
    )
