"""From the parts of one layout to a plan with its intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

from stellwerk.planner.constants import Constants
from stellwerk.planner.model import Layout, Machine, Plan, Software
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Architecture, Training, Workload, training_flops_per_token

MODEL_VERSION = "3"
"""Raised whenever a formula or a constant changes a prediction."""
BOUNDS_AT_SDS = 1.2816
"""Standard deviations of a normal distribution from its middle to the ends of an 80% interval."""


def spread_terms(
    architecture: Architecture, training: Training, machine: Machine, constants: Constants
) -> dict[str, float]:
    """What widens the interval of a step time, each as a standard deviation of its logarithm.

    ``base`` is the error on left-out sources whose accelerator others measured, too; the other terms come on top where
    the planner extrapolates (docs/accuracy.md). ``calibrated`` takes the place of ``base`` and ``accelerator`` where
    runs on the machine itself were looked at, for the software of these runs.
    """
    spreads = constants.spreads
    extrapolated = not constants.measured_rows.get(machine.accelerator)
    if _is_calibrated(machine, training) and "calibrated" in spreads:
        terms = {"calibrated": spreads["calibrated"] if extrapolated else min(spreads["calibrated"], spreads["base"])}
    else:
        terms = {"base": spreads["base"]}
        if extrapolated:
            terms["accelerator"] = spreads["accelerator"]
    if architecture.experts:
        terms["experts"] = spreads["experts"]
    if training.trains_adapters:
        terms["adapters"] = spreads["adapters"]
    return terms


def step_time_spread(
    architecture: Architecture, training: Training, machine: Machine, constants: Constants
) -> Interval:
    """The interval of a step time, in units of its best estimate; independent errors add in quadrature."""
    return interval_of_spread(math.hypot(*spread_terms(architecture, training, machine, constants).values()))


def memory_spread(architecture: Architecture, constants: Constants) -> Interval:
    """The same of the peak memory."""
    return interval_of_spread(constants.spreads["memory_experts" if architecture.experts else "memory"])


def software_for(training: Training) -> Software:
    """What a plan reckons with: Megatron-Core, or PyTorch's own parallelism where only adapters are trained."""
    return "torch_native" if training.trains_adapters else "megatron_core"


def _is_calibrated(machine: Machine, training: Training) -> bool:
    calibration = machine.calibration
    return calibration is not None and calibration.narrows and calibration.software == software_for(training)


def interval_of_spread(sd: float) -> Interval:
    """Factors on a best guess that hold in 80% of cases; ``sd`` is the standard deviation of the error's logarithm."""
    return Interval(math.exp(-BOUNDS_AT_SDS * sd), 1.0, math.exp(BOUNDS_AT_SDS * sd))


def assemble_plan(
    workload: Workload,
    machine: Machine,
    layout: Layout,
    memory_parts_bytes: Mapping[str, float],
    step_parts_s: Mapping[str, float],
    spread: Interval,
) -> Plan:
    """Time, throughput, MFU, device-hours and energy that follow from the parts, with their intervals.

    ``spread`` is the interval of the step time, in units of its best estimate (``step_time_spread``). Energy is
    power per device times device-hours times the site's PUE (docs/formulas/energy.md).
    """
    training = workload.training
    step_time_s = spread * sum(step_parts_s.values())
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
