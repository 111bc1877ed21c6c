"""What calibrating with one run is worth: the error on the other runs of the same cluster, before and after.

A cluster is all runs of one source family on one accelerator. The constants beneath are fitted without that family.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stellwerk.catalog import Accelerator
from stellwerk.planner.calibration.calibrate import NOISY_NOISE, Observations, log_predicted_times, observations
from stellwerk.planner.calibration.overlay import calibration_of, fit_factors, log_times_with, rows_of
from stellwerk.planner.calibration.parameters import Vector
from stellwerk.planner.calibration.spreads import covering_sd
from stellwerk.planner.constants import Constants
from stellwerk.planner.evaluation.measured import MeasuredRun, measure
from stellwerk.planner.evaluation.model import Unscored, family_of
from stellwerk.records import TrainingRun

MOST_CHOICES = 80
"""Of the one run in a cluster: where it has more, this many are drawn, always the same ones."""
MOST_DEVIATIONS = 40
"""Of one choice that the spread is measured on, drawn as well."""
SEED = 6


@dataclass(frozen=True, slots=True)
class ClusterErrors:
    """Of one cluster. Errors are medians over the choices of the one run of the median absolute percentage error on the
    other runs, ``alike`` of those among them with the same software release, precision and kind of model."""

    family: str
    accelerator: str
    runs: int
    choices: int
    before: float
    after: float
    alike_before: float | None
    alike_after: float | None
    all_runs_after: float
    """With all runs of the cluster, on themselves: what these factors can reach at most."""
    noisy: bool
    """Whether the source itself says that its runs spread by 40%."""
    deviations: tuple[float, ...]
    """Logarithms of measured over predicted after the one run, of dense models that train all parameters."""


def cluster_errors(
    runs: Sequence[TrainingRun], constants: Constants, accelerators: Mapping[str, Accelerator]
) -> tuple[ClusterErrors, ...]:
    """Of each accelerator with at least two timed runs; ``runs`` are those of one family, ``constants`` are fitted
    without it, and ``accelerators`` are the catalogue's, by id."""
    by_accelerator: dict[str, list[MeasuredRun]] = defaultdict(list)
    for run in runs:
        found = measure(run, accelerators)
        if not isinstance(found, Unscored) and found.step_time_s is not None:
            by_accelerator[found.described.accelerator.id].append(found)
    clusters = (
        (accelerator, observations(measured, accelerators, constants))
        for accelerator, measured in by_accelerator.items()
    )
    return tuple(
        _errors_of(accelerator, observed, constants) for accelerator, observed in clusters if len(observed.cases) > 1
    )


def calibrated_spread(clusters: Iterable[ClusterErrors]) -> float:
    """The standard deviation of the logarithm of measured over predicted that is left after one run, by the rule of
    ``spreads_of``; sources that spread by themselves, as they say, are left out."""
    return covering_sd([(one.family, left) for one in clusters if not one.noisy for left in one.deviations])


def _errors_of(accelerator: str, observed: Observations, constants: Constants) -> ClusterErrors:
    count = len(observed.cases)
    choices = _drawn(np.arange(count, dtype=np.float64), MOST_CHOICES).astype(np.int64)
    kinds = [_kind(case.described.run, str(case.described.software)) for case in observed.cases]
    plain = np.array([not run.experts and run.task not in ("lora", "qlora") for run in _runs(observed)])
    residual = observed.log_step_time - log_predicted_times(observed, constants)
    errors: dict[str, list[float]] = defaultdict(list)
    deviations: list[float] = []
    for choice in choices.tolist():
        left = _left_by(rows_of(observed, np.array([choice])), observed, constants)
        others = np.arange(count) != choice
        alike = others & np.array([kind == kinds[choice] for kind in kinds])
        errors["before"].append(_median_error(residual[others]))
        errors["after"].append(_median_error(left[others]))
        if alike.any():
            errors["alike_before"].append(_median_error(residual[alike]))
            errors["alike_after"].append(_median_error(left[alike]))
        if plain[choice]:
            deviations += _drawn(left[others & plain], MOST_DEVIATIONS).tolist()
    return ClusterErrors(
        family=family_of(observed.cases[0].described.run),
        accelerator=accelerator,
        runs=count,
        choices=len(choices),
        before=float(np.median(errors["before"])),
        after=float(np.median(errors["after"])),
        alike_before=float(np.median(errors["alike_before"])) if errors["alike_before"] else None,
        alike_after=float(np.median(errors["alike_after"])) if errors["alike_after"] else None,
        all_runs_after=_median_error(_left_by_all(observed, constants)),
        noisy=bool((observed.noise == NOISY_NOISE).all()),
        deviations=tuple(deviations),
    )


def _left_by(used: Observations, observed: Observations, constants: Constants) -> Vector:
    """Logarithms of measured over predicted of all runs, with what ``used`` says of the machine."""
    calibration = calibration_of(fit_factors(used, constants), used.cases[0].described.software)
    return observed.log_step_time - log_times_with(observed, constants, calibration)


def _left_by_all(observed: Observations, constants: Constants) -> Vector:
    """Of every software the runs with what all runs of this software say."""
    software = np.array([case.described.software for case in observed.cases])
    left = np.empty(len(software))
    for one in set(software.tolist()):
        rows = np.flatnonzero(software == one)
        used = rows_of(observed, rows)
        left[rows] = _left_by(used, used, constants)
    return left


def _runs(observed: Observations) -> list[TrainingRun]:
    return [case.described.run for case in observed.cases]


def _kind(run: TrainingRun, software: str) -> tuple[object, ...]:
    return software, run.source_title, run.precision, bool(run.experts), run.task


def _median_error(left: Vector) -> float:
    """Median absolute percentage error, of logarithms of measured over predicted."""
    return float(np.median(np.abs(np.expm1(-left))))


def _drawn(values: Vector, most: int) -> Vector:
    if len(values) <= most:
        return values
    return values[np.sort(np.random.default_rng(SEED).permutation(len(values))[:most])]
