"""What was planned beside what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stellwerk.launch.expectation import Expectation
from stellwerk.training import Outcome, StepMetrics
from stellwerk.units import SECONDS_PER_HOUR, Interval

WARM_UP_STEPS = 5
"""Left out of the typical step: the first ones allocate memory and fill caches."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One quantity. ``interval`` is the planned one, None where the plan states no interval; ``measured`` is None
    where the program did not say."""

    quantity: str
    unit: str
    planned: float
    interval: Interval | None
    measured: float | None

    @property
    def within(self) -> bool | None:
        """Whether the measurement lies in the interval; None where one of the two is unknown."""
        if self.interval is None or self.measured is None:
            return None
        return self.interval.low <= self.measured <= self.interval.high

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "within": self.within}


def compare(
    expected: Expectation, metrics: Sequence[StepMetrics], outcome: Outcome | None = None
) -> tuple[Comparison, ...]:
    """Step time, throughput, MFU, duration, device-hours and memory of a run.

    Step time is the median without the first steps, throughput and MFU follow from it. Duration is the training loop
    from its start to its end, over all attempts. Memory is the peak of the fullest process, on a processor its
    resident set; the plan's figure contains what a process held before its first tensor, but no margin for the
    allocator, and the plan states no interval for it. Duration and memory are the ``outcome``'s, unknown without one.
    """
    step_time_s = typical_step_time_s(metrics)
    tokens_per_s = None if step_time_s is None else expected.tokens_per_step / step_time_s
    mfu = None if tokens_per_s is None else expected.mfu_at(tokens_per_s)
    duration_s = None if outcome is None else outcome.training_time_s
    device_hours = None if duration_s is None else expected.layout.devices * duration_s / SECONDS_PER_HOUR
    memory_bytes = None if outcome is None else outcome.peak_memory_bytes
    return (
        _with_interval("step time", "s", expected.step_time_s, step_time_s),
        _with_interval("throughput", "tokens/s", expected.tokens_per_s, tokens_per_s),
        _with_interval("MFU", "", expected.mfu, mfu),
        _with_interval("duration", "s", expected.duration_s, duration_s),
        _with_interval("device-hours", "h", expected.device_hours, device_hours),
        Comparison("memory per process", "bytes", expected.memory_bytes, None, memory_bytes),
    )


def typical_step_time_s(metrics: Sequence[StepMetrics]) -> float | None:
    """Median over all but the first five steps, or over the later half of a shorter run, of those steps whose time is
    known; None where no step's is."""
    known = [step.step_time_s for step in metrics if step.step_time_s is not None]
    steady = known[min(WARM_UP_STEPS, len(known) // 2) :]
    return statistics.median(steady) if steady else None


def _with_interval(quantity: str, unit: str, planned: Interval, measured: float | None) -> Comparison:
    return Comparison(quantity, unit, planned.best, planned, measured)
