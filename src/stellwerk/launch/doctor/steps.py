"""The steps of a run as arrays, and what the rules ask of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stellwerk.training import StepMetrics

Column = NDArray[np.float64]

WARM_UP_STEPS = 5
"""The first ones allocate memory, fill caches and compile; of a shorter run the first half."""


@dataclass(frozen=True, slots=True, eq=False)
class StepTable:
    """One entry per step, in order, each step as it was taken last; nan where a value is not known."""

    step: Column
    tokens: Column
    step_time_s: Column
    loss: Column
    data_s: Column
    checkpoint_s: Column
    allocated_bytes: Column
    reserved_bytes: Column
    allocation_retries: Column
    skipped: NDArray[np.bool_]
    lost_steps: int
    """Taken once more, because an attempt ended after its last checkpoint."""
    lost_s: float
    """What those took the first time."""

    @property
    def count(self) -> int:
        return len(self.step)

    @property
    def steady(self) -> slice:
        """Without the first steps."""
        return slice(min(WARM_UP_STEPS, self.count // 2), None)

    @property
    def retried(self) -> NDArray[np.bool_]:
        """In which steps the allocator gave memory back to find room; none where it does not tell."""
        return np.diff(np.nan_to_num(self.allocation_retries), prepend=0.0) > 0

    @property
    def steady_s(self) -> float:
        """Time of the steady steps, with what checkpoints held them up; 0 where no step's time is known."""
        return float(np.nansum(self.step_time_s[self.steady]) + np.nansum(self.checkpoint_s[self.steady]))

    @property
    def typical_s(self) -> float | None:
        """Median time of a steady step."""
        return quantile(self.step_time_s[self.steady], 0.5)


def step_table(lines: Iterable[StepMetrics]) -> StepTable:
    """Of all lines of a metrics file, oldest first; after a resume steps are in it twice."""
    last: dict[int, StepMetrics] = {}
    lost_steps, lost_s = 0, 0.0
    for line in lines:
        before = last.get(line.step)
        if before is not None:
            lost_steps += 1
            lost_s += before.step_time_s or 0.0
        last[line.step] = line
    kept = [line for _, line in sorted(last.items())]

    def column(name: str) -> Column:
        return np.array([getattr(line, name) for line in kept], dtype=np.float64)

    return StepTable(
        step=column("step"),
        tokens=column("tokens"),
        step_time_s=column("step_time_s"),
        loss=column("loss"),
        data_s=column("data_s"),
        checkpoint_s=column("checkpoint_s"),
        allocated_bytes=column("allocated_bytes"),
        reserved_bytes=column("reserved_bytes"),
        allocation_retries=column("allocation_retries"),
        skipped=np.array([line.skipped for line in kept], dtype=bool),
        lost_steps=lost_steps,
        lost_s=lost_s,
    )


def known(values: Column) -> Column:
    return values[~np.isnan(values)]


def quantile(values: Column, share: float) -> float | None:
    """Of the values that are known; None where none is."""
    there = known(values)
    return float(np.quantile(there, share)) if len(there) else None


def largest(values: Column) -> float | None:
    there = known(values)
    return float(there.max()) if len(there) else None
