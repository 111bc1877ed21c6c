"""What was planned beside what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stellwerk.planner import Plan
from stellwerk.training import Outcome, StepMetrics
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload, flops_per_token

WARM_UP_STEPS = 5
"""Left out of the typical step: the first ones allocate memory and fill caches."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One quantity. ``interval`` is the planned one, None where the plan states no interval."""

    quantity: str
    unit: str
    planned: float
    interval: Interval | None
    measured: float

    @property
    def within(self) -> bool | None:
        """Whether the measurement lies in the interval; None where there is none."""
        return None if self.interval is None else self.interval.low <= self.measured <= self.interval.high

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "within": self.within}


def compare(plan: Plan, workload: Workload, metrics: Sequence[StepMetrics], outcome: Outcome) -> tuple[Comparison, ...]:
    """Step time, throughput, MFU, duration, device-hours and memory of a finished run.

    Step time is the median without the first steps, throughput and MFU follow from it. Duration is the training loop
    from its start to its end. Memory is the fullest process's peak resident set; the plan's figure contains what a
    process held before its first tensor, but no margin for the allocator, and the plan states no interval for it.
    """
    step_time_s = typical_step_time_s(metrics)
    tokens_per_s = workload.training.tokens_per_step / step_time_s
    flops = flops_per_token(workload.architecture, workload.training.sequence_length).training
    devices = plan.layout.devices
    mfu = flops * tokens_per_s / (devices * plan.machine.peak_flops)
    device_hours = devices * outcome.training_time_s / SECONDS_PER_HOUR
    return (
        _with_interval("step time", "s", plan.step_time_s, step_time_s),
        _with_interval("throughput", "tokens/s", plan.tokens_per_s, tokens_per_s),
        _with_interval("MFU", "", plan.mfu, mfu),
        _with_interval("duration", "s", plan.duration_s, outcome.training_time_s),
        _with_interval("device-hours", "h", plan.device_hours, device_hours),
        Comparison("memory per process", "bytes", plan.memory_bytes, None, outcome.peak_memory_bytes),
    )


def typical_step_time_s(metrics: Sequence[StepMetrics]) -> float:
    """Median over all but the first five steps, or over the later half of a shorter run."""
    steady = metrics[min(WARM_UP_STEPS, len(metrics) // 2) :]
    return statistics.median(step.step_time_s for step in steady)


def _with_interval(quantity: str, unit: str, planned: Interval, measured: float) -> Comparison:
    return Comparison(quantity, unit, planned.best, planned, measured)
