"""Rules for the devices: the wrong backend, clocks held down, memory, too little work at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stellwerk.launch.doctor.model import Finding, RunEvidence
from stellwerk.launch.doctor.steps import known, largest
from stellwerk.launch.doctor.waiting import exposed_share
from stellwerk.launch.energy import DeviceReading
from stellwerk.messages import Reason

THROTTLED_SHARE = 0.2
"""Of the readings. A GPU touches a limit now and then; one that is held down in a fifth of them is held down."""
CLOCK_LOSS = 0.05
"""Below the full clock on average. The cost of a few percent less is within the noise of step times."""
LOWERED_LIMIT = 0.95
"""A power limit below this share of the device's own was lowered by somebody. At its own limit a GPU is as it was
built: large matrix products take it there, and that is no fault."""
OVERHEAD_SHARE = 0.05
"""Of a step spent on calling operations: what a micro-batch twice as large would halve."""
FULL_MEMORY = 0.95
"""Of the memory that a process may take. Sequences of one length leave little that could vary."""
ROOM_FOR_MORE = 0.6
"""Below this share of the memory, twice the activations still fit as a rule."""
FRAGMENTED_SHARE = 0.2
"""Of what the allocator holds, without a tensor in it. PyTorch's caching allocator keeps about a tenth in any run."""
NEARLY_FULL = 0.85
"""Unused blocks matter only where memory is scarce."""


def slow_backend(evidence: RunEvidence) -> Finding | None:
    """A machine with GPUs that computes on the processor, or lets its GPUs speak through Gloo."""
    job = evidence.job
    if job is None:
        return None
    if job.device == "cpu":
        if not evidence.gpus:
            return None
        cause = Reason("doctor_cpu_beside_gpus", {"gpus": evidence.gpus})
        return Finding(cause, Reason("doctor_try_gpus"), None, first=True)
    if not any(profile.backend == "gloo" for profile in evidence.profiles):
        return None
    return Finding(Reason("doctor_gloo_on_gpus"), Reason("doctor_try_nccl"), exposed_share(evidence), first=True)


def heat(evidence: RunEvidence) -> Finding | None:
    """The GPUs lower their clocks because they are hot."""
    held_down = _held_down(evidence, ("thermal", "hardware_slowdown"))
    if held_down is None:
        return None
    figures = {"percent": held_down.share * 100, "clock_percent": held_down.clock * 100}
    degrees = [one.temperature_c for one in held_down.readings if one.temperature_c is not None]
    cause = (
        Reason("doctor_heat_measured", {**figures, "degrees": max(degrees)})
        if degrees
        else Reason("doctor_heat", figures)
    )
    return Finding(cause, Reason("doctor_try_cooling"), held_down.cost)


def power_brake(evidence: RunEvidence) -> Finding | None:
    """The GPUs lower their clocks because the power supply tells them to."""
    held_down = _held_down(evidence, ("power_brake",))
    if held_down is None:
        return None
    figures = {"percent": held_down.share * 100, "clock_percent": held_down.clock * 100}
    return Finding(Reason("doctor_power_brake", figures), Reason("doctor_try_power_supply"), held_down.cost)


def power_limit(evidence: RunEvidence) -> Finding | None:
    """The GPUs are held at a power limit that somebody set below their own."""
    held_down = _held_down(evidence, ("power_cap",))
    if held_down is None:
        return None
    lowered = [
        (reading.power_limit_w, reading.full_power_limit_w)
        for reading in held_down.readings
        if reading.power_limit_w is not None
        and reading.full_power_limit_w is not None
        and reading.power_limit_w < LOWERED_LIMIT * reading.full_power_limit_w
    ]
    if not lowered:
        return None
    limit_w, full_w = min(lowered)
    figures = {
        "percent": held_down.share * 100,
        "clock_percent": held_down.clock * 100,
        "limit_w": limit_w,
        "full_w": full_w,
    }
    return Finding(Reason("doctor_power_limit", figures), Reason("doctor_try_power_limit"), held_down.cost)


def small_micro_batch(evidence: RunEvidence) -> Finding | None:
    """Calling the operations of each layer takes a large part of the step: each micro-batch is too little work."""
    job, rates, step_s = evidence.job, evidence.rates, evidence.steps.typical_s
    if job is None or rates is None or not step_s:
        return None
    overhead_s = rates.layer_overhead_s * job.architecture.layers * job.micro_batches
    share = overhead_s / step_s
    if share < OVERHEAD_SHARE:
        return None
    figures = {
        "micro_batch": job.micro_batch,
        "tokens": job.micro_batch * job.sequence_length,
        "overhead_ms": overhead_s * 1e3,
        "step_ms": step_s * 1e3,
    }
    cause = Reason("doctor_small_micro_batch", figures)
    return Finding(cause, _advice_on_micro_batch(evidence, job.micro_batches), share)


def memory_nearly_full(evidence: RunEvidence) -> Finding | None:
    """One longer sequence or one more library, and the run ends."""
    share = memory_share(evidence)
    if share is None or share < FULL_MEMORY:
        return None
    return Finding(Reason("doctor_memory_full", {"percent": share * 100}), Reason("doctor_try_less_memory"), 0.0)


def fragmentation(evidence: RunEvidence) -> Finding | None:
    """The allocator gives memory back to find room, or holds much that no tensor fits into."""
    steps = evidence.steps
    if not len(known(steps.allocation_retries)):
        return None
    struggling, times_s = steps.retried[steps.steady], steps.step_time_s[steps.steady]
    reserved, allocated = largest(steps.reserved_bytes), largest(steps.allocated_bytes)
    loose = 0.0 if not reserved or allocated is None else 1 - allocated / reserved
    scarce = (memory_share(evidence) or 0.0) > NEARLY_FULL and loose > FRAGMENTED_SHARE
    if not struggling.any() and not scarce:
        return None
    calm_s = known(times_s[~struggling])
    excess_s = np.nansum(times_s[struggling] - np.median(calm_s)) if len(calm_s) else 0.0
    figures = {
        "retries": int(largest(steps.allocation_retries) or 0),
        "reserved_gb": (reserved or 0.0) / 1e9,
        "allocated_gb": (allocated or 0.0) / 1e9,
    }
    share = max(0.0, float(excess_s) / steps.steady_s) if steps.steady_s else None
    return Finding(Reason("doctor_fragmentation", figures), Reason("doctor_try_expandable_segments"), share)


def compile_off(evidence: RunEvidence) -> Finding | None:
    """On GPUs torch.compile fuses what is bound by memory; what it would gain here is not known."""
    job = evidence.job
    if job is None or job.device == "cpu" or job.compile:
        return None
    return Finding(Reason("doctor_compile_off"), Reason("doctor_try_compile"), None)


def memory_share(evidence: RunEvidence) -> float | None:
    """Of what a process may take, as the plan counts it; None where it is not known."""
    if evidence.expected is None:
        return None
    peak = largest(evidence.steps.reserved_bytes) or evidence.peak_memory_bytes
    return None if peak is None else peak / evidence.expected.device_memory_bytes


@dataclass(frozen=True, slots=True)
class _HeldDown:
    """Readings in which something holds a clock down."""

    readings: tuple[DeviceReading, ...]
    share: float
    """Of all readings."""
    clock: float
    """Their mean clock, as a share of the full one."""

    @property
    def cost(self) -> float:
        """Of the time, as if all of it went with the clock."""
        return self.share * (1 - self.clock)


def _held_down(evidence: RunEvidence, words: tuple[str, ...]) -> _HeldDown | None:
    """None where it happens too seldom, or costs too little of the clock, to matter."""
    readings = [device for sample in evidence.energy if sample.elapsed_s > 0 for device in sample.devices]
    held = [reading for reading in readings if set(words) & set(reading.throttled)]
    if not held or len(held) < THROTTLED_SHARE * len(readings):
        return None
    clocks = [
        reading.clock_mhz / reading.full_clock_mhz
        for reading in held
        if reading.clock_mhz is not None and reading.full_clock_mhz
    ]
    if not clocks or np.mean(clocks) > 1 - CLOCK_LOSS:
        return None
    return _HeldDown(tuple(held), len(held) / len(readings), float(np.mean(clocks)))


def _advice_on_micro_batch(evidence: RunEvidence, micro_batches: int) -> Reason:
    share = memory_share(evidence)
    if micro_batches == 1:
        return Reason("doctor_try_larger_batch")
    if share is not None and share > ROOM_FOR_MORE:
        return Reason("doctor_try_recomputation", {"percent": share * 100})
    return Reason("doctor_try_fewer_micro_batches", {"micro_batches": micro_batches})
