"""What the planner takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stellwerk.units import Interval

Sharding = Literal["none", "optimizer", "gradients", "full", "hybrid"]
"""Over the data-parallel ranks: nothing; optimizer states (ZeRO-1); gradients too (ZeRO-2); weights too (ZeRO-3, FSDP;
Rajbhandari et al. 2020, arXiv:1910.02054); the same inside each node, replicated between nodes (HSDP)."""
Recomputation = Literal["none", "selective", "full"]
Software = Literal["megatron_core", "torch_native", "fsdp_2023", "megatron_2022"]
"""What trains, by generation: Megatron-Core with its fused kernels; PyTorch's own parallelism since 2024 (torchtitan,
FSDP2); its first FSDP of 2023 (llm-foundry); Megatron-LM and DeepSpeed before fused attention."""


@dataclass(frozen=True, slots=True)
class MachineCalibration:
    """What runs on the machine itself say of it: factors on constants (planner.calibration.overlay)."""

    software: Software
    """That of the runs."""
    factors: tuple[tuple[str, float], ...]
    """By constant: what the machine reaches with any software..."""
    software_factors: tuple[tuple[str, float], ...]
    """...and with that of the runs only."""
    runs: int
    narrows: bool
    """Whether intervals become narrower: something was identified, and the factors are on this version's constants."""

    def factor(self, constant: str, software: Software) -> float:
        """What a constant is multiplied by."""
        factor = dict(self.factors).get(constant, 1.0)
        return factor * (dict(self.software_factors).get(constant, 1.0) if software == self.software else 1.0)


@dataclass(frozen=True, slots=True)
class Machine:
    """A homogeneous set of schedulable devices, as the planner sees it.

    All rates are per device and in one direction. ``matmul_flops`` is the best rate that large matrix products
    reach, ``peak_flops`` the data sheet's dense rate that MFU refers to. ``network_bytes_per_s`` is the share of
    the node's injection bandwidth; None where it is unknown or there is one node only: then no layout crosses
    nodes. ``devices`` is the largest number of devices one job may use.
    """

    name: str
    devices: int
    devices_per_node: int
    memory_bytes: float
    peak_flops: float
    matmul_flops: float
    memory_bandwidth_bytes_per_s: float
    link_bytes_per_s: float
    network_bytes_per_s: float | None
    runtime_bytes: float
    """Memory that the driver, the framework and the communication library take before the first tensor."""
    power_w: Interval | None
    """Electrical power per device under load, with its share of the node around it; None where unknown."""
    pue: Interval
    """Power usage effectiveness of the site."""
    collective_latency_s: float | None = None
    """Measured: of one small all-reduce. Here and below, None stands for the fitted constant."""
    layer_overhead_s: float | None = None
    """Measured: launching the kernels of one layer for one micro-batch, forward and backward."""
    attention_flops: float | None = None
    """Measured: rate of fused attention, forward and backward."""
    overlap: float | None = None
    """Of the computation beside it, usable to hide data-parallel communication; 0 where the processors that compute
    also communicate."""
    fp8_flops: float | None = None
    """Best rate of large 8-bit matrix products; None where the accelerator has none, or none is known."""
    fp4_flops: float | None = None
    """The same of 4-bit matrix products."""
    accelerator: str = ""
    """Its id in the catalogue; empty where the machine is of another kind."""
    domain_devices: int = 0
    """How many devices reach each other over the link; 0: those of a node."""
    blocking_factor: float = 1.0
    """By how much the network between nodes carries less than all nodes together can send."""
    board_power_w: float | None = None
    """Thermal design power of a device; None where unknown."""
    host_link_bytes_per_s: float | None = None
    """Between a device and the memory of its host, one direction; None where unknown."""
    shared_host_memory: bool = False
    """Whether the device's memory is its host's, as in an APU: then there is nowhere to offload to."""
    network_adapters: int | None = None
    """Between a node and the network; None where unknown."""
    calibration: MachineCalibration | None = None
    """None where no run on the machine itself was looked at."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a training step is spread over devices.

    ``tensor x pipeline x context x data`` devices. The ``context`` and ``data`` ranks hold the same weights; their
    optimizer states, gradients and weights are spread over both as ``sharding`` says. ``expert`` ranks, among those
    of one pipeline stage, share the routed experts out.
    """

    tensor: int
    pipeline: int
    data: int
    sharding: Sharding
    micro_batch: int
    micro_batches: int
    recomputation: Recomputation
    context: int = 1
    expert: int = 1
    interleave: int = 1
    """Pieces of the model on each pipeline device (Narayanan et al. 2021, section 2.2.2)."""
    sequence_parallel: bool = True
    """Whether the tensor ranks share what lies between the split matrices out too (Korthikanti et al. 2022)."""
    offload: bool = False
    """Whether the optimizer states lie in the host's memory and are updated there."""
    balanced: bool = False
    """Whether the pipeline is cut by multiply-adds, the output head's among them, and not by layers alone."""

    @property
    def devices(self) -> int:
        return self.tensor * self.pipeline * self.context * self.data


@dataclass(frozen=True, slots=True)
class Plan:
    """A layout with everything that is predicted for it.

    ``memory_parts_bytes`` sum to ``memory_bytes`` (the fullest device), ``step_parts_s`` to the best estimate of
    ``step_time_s``. MFU counts the model FLOPs of workload.training_flops_per_token (logits and causal attention
    included, gradients of frozen weights not); recomputation does not count.
    """

    machine: Machine
    layout: Layout
    memory_parts_bytes: Mapping[str, float]
    step_parts_s: Mapping[str, float]
    step_time_s: Interval
    mfu: Interval
    tokens_per_s: Interval
    duration_s: Interval
    device_hours: Interval
    energy_j: Interval | None

    @property
    def devices(self) -> int:
        return self.layout.devices

    @property
    def memory_bytes(self) -> float:
        return sum(self.memory_parts_bytes.values())


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """A number of replicas with everything that is predicted for them at the busiest time.

    A replica is one copy of the model on ``tensor`` devices of a node, with ``batch`` requests in flight.
    ``memory_parts_bytes`` sum to ``memory_bytes`` on each device.
    """

    machine: Machine
    tensor: int
    replicas: int
    batch: int
    memory_parts_bytes: Mapping[str, float]
    time_per_token_s: Interval
    """Between two tokens of an answer, on average."""
    first_token_s: Interval
    """From a request to the beginning of its answer, on average."""
    tokens_per_s: Interval
    """Written by the whole service."""
    devices_needed: Interval
    """``high`` is infinite where at the slow end of the interval no number of devices is enough."""
    duration_s: Interval
    """As long as the service is to run, exactly."""
    device_hours: Interval
    energy_j: Interval | None
    """As if the busiest time never ended."""

    @property
    def devices(self) -> int:
        return self.tensor * self.replicas

    @property
    def memory_bytes(self) -> float:
        return sum(self.memory_parts_bytes.values())
