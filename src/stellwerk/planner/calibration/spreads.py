"""How far predictions of left-out sources lie from what they measured: the widths of the planner's intervals."""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from stellwerk.planner.estimate import BOUNDS_AT_SDS
from stellwerk.planner.evaluation.model import Evaluation, ScoredRow

WANTED = 0.80
LEAST_OF_A_FAMILY = 0.60
LEAST_SD = 0.03
MARGIN = 1.005
"""So that the run that decides the width lies inside and not on the edge."""

Deviation = tuple[str, float]
"""A family, and the logarithm of measured over predicted of one of its runs."""


def spreads_of(evaluation: Evaluation) -> dict[str, float]:
    """Standard deviations by kind of extrapolation, from a cross-validation by family (planner.estimate adds them up).

    Each is as small as covers 80% of the measurements in the mean over the families and 60% in each of them.
    """
    covered = {
        accelerator
        for accelerator in evaluation.measured_rows
        if len({row.family for row in evaluation.rows if row.accelerator == accelerator}) > 1
    }

    def deviations(kind: Callable[[ScoredRow], bool]) -> list[Deviation]:
        return [
            (row.family, math.log(row.measured_step_time_s / row.prediction.step_time_s.best))
            for row in evaluation.rows
            if row.measured_step_time_s and row.prediction.step_time_s and kind(row)
        ]

    def memory_deviations(experts: bool) -> list[Deviation]:
        return [
            (row.family, math.log(row.measured_memory_bytes / row.prediction.memory_bytes.best))
            for row in evaluation.rows
            if row.measured_memory_bytes and row.prediction.memory_bytes and row.is_dense != experts
        ]

    def plain(row: ScoredRow) -> bool:
        return row.is_dense and not row.trains_adapters

    base = covering_sd(deviations(lambda row: plain(row) and row.accelerator in covered))
    accelerator = covering_sd(deviations(lambda row: plain(row) and row.accelerator not in covered))
    experts = covering_sd(deviations(lambda row: not row.is_dense and row.accelerator in covered))
    adapters = covering_sd(deviations(lambda row: row.trains_adapters))
    memory = covering_sd(memory_deviations(experts=False))
    return {
        "base": base,
        "accelerator": on_top(accelerator, base),
        "experts": on_top(experts, base),
        "adapters": on_top(adapters, base),
        "memory": memory,
        "memory_experts": max(memory, covering_sd(memory_deviations(experts=True))),
    }


def covering_sd(deviations: Sequence[Deviation]) -> float:
    """The smallest standard deviation whose 80% interval covers as much as is wanted."""
    by_family: dict[str, list[float]] = defaultdict(list)
    for family, deviation in deviations:
        by_family[family].append(abs(deviation))
    if not by_family:
        return LEAST_SD
    magnitudes = [np.sort(values) for values in by_family.values()]
    tried = np.unique(np.concatenate(magnitudes)) / BOUNDS_AT_SDS

    def is_enough(sd: float) -> bool:
        inside = [np.searchsorted(one, BOUNDS_AT_SDS * sd * (1 + 1e-12), side="right") / len(one) for one in magnitudes]
        return bool(np.mean(inside) >= WANTED and min(inside) >= LEAST_OF_A_FAMILY)

    # Coverage only grows with the width.
    found = bisect.bisect_left(tried.tolist(), True, key=is_enough)
    return max(MARGIN * float(tried[found]), LEAST_SD)


def on_top(whole: float, base: float) -> float:
    """What has to be added to ``base`` in quadrature."""
    return math.sqrt(max(whole**2 - base**2, LEAST_SD**2))
