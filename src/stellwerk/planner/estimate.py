"""From the parts of one layout to a plan with its intervals."""

from __future__ import annotations

from collections.abc import Mapping

from stellwerk.planner.model import Layout, Machine, Plan
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload, training_flops_per_token

MODEL_VERSION = "2"
"""Raised whenever a formula or a constant changes a prediction."""

# Measured over predicted step time, 10% and 90% quantiles with equal weight per source family
# (docs/formulas/step-time.md).
STEP_TIME_SPREAD = Interval(0.88, 1.0, 1.49)
STEP_TIME_SPREAD_UNMEASURED = Interval(0.88**2, 1.0, 1.49**2)
"""Where no measured run is behind the constants, as for other accelerators, for mixtures of experts and latent
attention on any, and for adapters: twice as wide on a logarithmic scale."""


def step_time_spread(workload: Workload, machine: Machine) -> Interval:
    """The interval of a step time, in units of its best estimate."""
    architecture = workload.architecture
    dense = architecture.experts is None and architecture.latent_attention is None
    measured = machine.measured and dense and not workload.training.trains_adapters
    return STEP_TIME_SPREAD if measured else STEP_TIME_SPREAD_UNMEASURED


def assemble_plan(
    workload: Workload,
    machine: Machine,
    layout: Layout,
    memory_parts_bytes: Mapping[str, float],
    step_parts_s: Mapping[str, float],
) -> Plan:
    """Time, throughput, MFU, device-hours and energy that follow from the parts, with their intervals.

    Energy is power per device times device-hours times the site's PUE (docs/formulas/energy.md).
    """
    training = workload.training
    step_time_s = step_time_spread(workload, machine) * sum(step_parts_s.values())
    flops = training_flops_per_token(workload.architecture, training) * training.tokens_per_step
    duration_s = step_time_s * training.steps
    device_seconds = duration_s * layout.devices
    return Plan(
        machine=machine,
        layout=layout,
        memory_parts_bytes=memory_parts_bytes,
        step_parts_s=step_parts_s,
        step_time_s=step_time_s,
        mfu=step_time_s.reciprocal() * (flops / (layout.devices * machine.peak_flops)),
        tokens_per_s=step_time_s.reciprocal() * training.tokens_per_step,
        duration_s=duration_s,
        device_hours=device_seconds * (1 / SECONDS_PER_HOUR),
        energy_j=device_seconds.times(machine.power_w).times(machine.pue) if machine.power_w else None,
    )
