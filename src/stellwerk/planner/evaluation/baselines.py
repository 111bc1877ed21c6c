"""Two simple predictions of a step time that a planner has to beat on the same rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from stellwerk.planner.evaluation.measured import MeasuredRun
from stellwerk.planner.evaluation.model import family_of
from stellwerk.workload import count_parameters, training_flops_per_token

BASELINES = ("constant_mfu", "six_nd_at_40_percent")
SHARE_OF_PEAK = 0.40

_MfuByAccelerator = Mapping[str, Mapping[str, float]]
"""MFU by accelerator and family: the mean of the family's rows."""


def baselines_of(measured: Sequence[MeasuredRun]) -> list[dict[str, float]]:
    """For each run, in order: seconds of a step by each of ``BASELINES`` that can be had.

    ``constant_mfu``: every run on an accelerator reaches the MFU that the runs on it reach in all *other* families, or,
    where no other family has any, the mean over the other families. Each family has the same weight.
    ``six_nd_at_40_percent``: 6 FLOPs per active parameter and token, at 40% of the peak. The peak is that of the
    precision.
    """
    mfu = _mfu_by_accelerator(measured)
    return [_baselines(one, mfu) for one in measured]


def _baselines(measured: MeasuredRun, mfu: _MfuByAccelerator) -> dict[str, float]:
    described = measured.described
    peak = described.peak_flops
    if peak is None:
        return {}
    rate = peak * described.devices
    six_nd = 6 * count_parameters(described.architecture).active * described.tokens_per_step
    times = {"six_nd_at_40_percent": six_nd / (SHARE_OF_PEAK * rate)}
    constant = _constant_mfu(described.accelerator.id, family_of(measured.run), mfu)
    if constant is not None:
        times["constant_mfu"] = _flops_per_step(measured) / (constant * rate)
    return times


def _constant_mfu(accelerator: str, family: str, mfu: _MfuByAccelerator) -> float | None:
    same = [value for other, value in mfu.get(accelerator, {}).items() if other != family]
    if same:
        return fmean(same)
    by_family: dict[str, list[float]] = defaultdict(list)
    for families in mfu.values():
        for other, value in families.items():
            if other != family:
                by_family[other].append(value)
    return fmean(map(fmean, by_family.values())) if by_family else None


def _mfu_by_accelerator(measured: Sequence[MeasuredRun]) -> _MfuByAccelerator:
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in measured:
        peak = one.described.peak_flops
        if one.step_time_s is not None and peak is not None:
            mfu = _flops_per_step(one) / (one.step_time_s * one.described.devices * peak)
            values[one.described.accelerator.id][family_of(one.run)].append(mfu)
    return {name: {family: fmean(rows) for family, rows in families.items()} for name, families in values.items()}


def _flops_per_step(measured: MeasuredRun) -> float:
    described = measured.described
    return training_flops_per_token(described.architecture, described.training) * described.tokens_per_step
