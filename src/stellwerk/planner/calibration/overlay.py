"""One-run calibration: what one to a few runs on one system say of it, beyond the constants that all share.

The factors and their priors stand in ``overlay_priors.toml``; they are found with the same ``fit`` as the constants.
Memory is left as it is (docs/calibrate.md).
"""

from __future__ import annotations

import datetime
import functools
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Literal

import numpy as np

from stellwerk.catalog import Accelerator
from stellwerk.errors import InputError
from stellwerk.planner.calibration.calibrate import COUNTED_RUNS, Observations, log_predicted_times, observations
from stellwerk.planner.calibration.fit import fit
from stellwerk.planner.calibration.parameters import Vector
from stellwerk.planner.constants import Constants
from stellwerk.planner.estimate import MODEL_VERSION
from stellwerk.planner.evaluation.measured import MeasuredRun, measure
from stellwerk.planner.evaluation.model import Unscored, reason_in_words
from stellwerk.planner.grid import take_rows
from stellwerk.planner.model import Machine, MachineCalibration, Software
from stellwerk.records import TrainingRun

Unscoreds = Mapping[str, tuple[str, ...]]
"""Ids of runs by the reason why they are not looked at."""
NAMED = 5
"""Runs of one reason in a message."""


@dataclass(frozen=True, slots=True)
class FactorPrior:
    """A factor on one constant or several that move together."""

    name: str
    constants: tuple[str, ...]
    of: Literal["machine", "software"]
    sd: float
    """Of its logarithm, before any run is looked at; its prior value is 1."""
    why: str


@dataclass(frozen=True, slots=True)
class Factor:
    """What the runs say of a factor; 1 where they do not identify it."""

    value: float
    sd: float
    """Of its logarithm."""
    identified: bool


@dataclass(frozen=True, slots=True)
class OverlayRun:
    """A run that was looked at: seconds of a step, measured and predicted without and with the overlay."""

    id: str
    measured_s: float
    before_s: float
    after_s: float


@dataclass(frozen=True, slots=True)
class Overlay:
    """What runs on one system say of it; kept as a file (``overlay_text``, ``read_overlay``)."""

    system: str
    accelerator: str
    software: Software
    factors: Mapping[str, Factor]
    runs: tuple[OverlayRun, ...]
    made: datetime.date
    planner_model: str
    constants_sha256: str

    @property
    def identified(self) -> bool:
        return any(factor.identified for factor in self.factors.values())


@functools.cache
def factor_priors() -> tuple[FactorPrior, ...]:
    """What ``overlay_priors.toml`` says, in its order."""
    with resources.files("stellwerk.planner.calibration").joinpath("overlay_priors.toml").open("rb") as file:
        tables = tomllib.load(file)
    return tuple(
        FactorPrior(name, tuple(one["constants"]), one["of"], float(one["sd"]), one["why"])
        for name, one in tables.items()
    )


def calibrate_system(
    runs: Sequence[TrainingRun],
    *,
    system: str,
    machine: Machine,
    accelerators: Mapping[str, Accelerator],
    constants: Constants,
    made: datetime.date,
) -> tuple[Overlay, Unscoreds]:
    """The overlay that runs on a system give, and which of them cannot be looked at.

    ``machine`` is the system as it is planned on, ``accelerators`` are the catalogue's, by id. Raises InputError where
    no run can be looked at, or where they used several kinds of software.
    """
    usable, unscored = _usable(runs, machine, accelerators)
    software = _software_of(usable, unscored)
    observed = observations(usable, accelerators, constants, machine)
    factors = fit_factors(observed, constants)
    before = np.exp(log_predicted_times(observed, constants))
    after = np.exp(log_times_with(observed, constants, calibration_of(factors, software)))
    used = [
        OverlayRun(case.described.run.id, *map(float, times))
        for case, *times in zip(observed.cases, np.exp(observed.log_step_time), before, after, strict=True)
    ]
    overlay = Overlay(
        system=system,
        accelerator=machine.accelerator,
        software=software,
        factors=factors,
        runs=tuple(sorted(used, key=lambda run: run.id)),
        made=made,
        planner_model=MODEL_VERSION,
        constants_sha256=constants.sha256,
    )
    return overlay, unscored


def machine_calibration(overlay: Overlay, constants: Constants) -> MachineCalibration:
    """The overlay as ``Machine.calibration`` takes it."""
    found = calibration_of(overlay.factors, overlay.software)
    narrows = overlay.identified and overlay.constants_sha256 == constants.sha256
    return replace(found, runs=len(overlay.runs), narrows=narrows)


def fit_factors(observed: Observations, constants: Constants) -> dict[str, Factor]:
    """The most probable factors, given runs of one software on one machine.

    A factor that the runs do not identify keeps 1, and the others are found again without it.
    """
    software = observed.cases[0].described.software
    weight = np.full(len(observed.cases), min(1.0, COUNTED_RUNS / len(observed.cases)))
    priors = list(factor_priors())
    factors: dict[str, Factor] = {}
    while priors:
        kept = tuple(priors)

        def residuals(vector: Vector, kept: tuple[FactorPrior, ...] = kept) -> Vector:
            tried = _calibration(kept, np.exp(vector).tolist(), software)
            return log_times_with(observed, constants, tried) - observed.log_step_time

        sds = np.array([prior.sd for prior in kept])
        found = fit(residuals, np.zeros(len(kept)), sds, observed.noise, weight)
        values = zip(kept, np.exp(found.vector).tolist(), found.sd.tolist(), found.identified.tolist(), strict=True)
        factors |= {prior.name: Factor(value, sd, identified) for prior, value, sd, identified in values}
        priors = [prior for prior in kept if factors[prior.name].identified]
        if len(priors) == len(kept):
            break
    return {prior.name: factors[prior.name] for prior in factor_priors()}


def calibration_of(factors: Mapping[str, Factor], software: Software) -> MachineCalibration:
    """Factors by name, as ``Machine.calibration`` takes them."""
    known = factor_priors()
    return _calibration(known, [factors[prior.name].value for prior in known], software)


def log_times_with(observed: Observations, constants: Constants, calibration: MachineCalibration) -> Vector:
    """Logarithms of the step times, in seconds, that are predicted of every run with a calibration."""
    kinds = tuple(replace(case, machine=replace(case.machine, calibration=calibration)) for case in observed.kinds)
    return log_predicted_times(replace(observed, kinds=kinds), constants)


def rows_of(observed: Observations, rows: np.ndarray) -> Observations:
    """Some of the runs, by their places."""
    return replace(
        observed,
        cases=tuple(observed.cases[row] for row in rows.tolist()),
        shape=take_rows(observed.shape, rows),
        grid=take_rows(observed.grid, rows),
        kind=observed.kind[rows],
        log_step_time=observed.log_step_time[rows],
        log_memory=observed.log_memory[rows],
        noise=observed.noise[rows],
        weight=observed.weight[rows],
    )


def _calibration(priors: Sequence[FactorPrior], values: Sequence[float], software: Software) -> MachineCalibration:
    products: dict[str, dict[str, float]] = {"machine": {}, "software": {}}
    for prior, value in zip(priors, values, strict=True):
        own = products[prior.of]
        own |= {constant: own.get(constant, 1.0) * value for constant in prior.constants}
    of_machine, of_software = (tuple(one.items()) for one in products.values())
    return MachineCalibration(software, of_machine, of_software, runs=0, narrows=False)


def _usable(
    runs: Sequence[TrainingRun], machine: Machine, accelerators: Mapping[str, Accelerator]
) -> tuple[list[MeasuredRun], Unscoreds]:
    usable, unscored = [], defaultdict(list)
    for run in runs:
        found = measure(run, accelerators)
        if isinstance(found, Unscored):
            unscored[found.reason].append(run.id)
        elif found.described.accelerator.id != machine.accelerator:
            unscored["other_accelerator"].append(run.id)
        elif found.step_time_s is None:
            unscored["no_measurement"].append(run.id)
        else:
            usable.append(found)
    return usable, {reason: tuple(ids) for reason, ids in unscored.items()}


def _software_of(usable: Sequence[MeasuredRun], unscored: Unscoreds) -> Software:
    kinds = Counter(one.described.software for one in usable)
    if not kinds:
        why = "; ".join(f"{', '.join(ids[:NAMED])}: {reason_in_words(reason)}" for reason, ids in unscored.items())
        raise InputError("holds no run that can be used", key="rows", value=why, allowed="a timed run on this system")
    if len(kinds) > 1:
        counts = ", ".join(f"{software} {count}" for software, count in kinds.items())
        raise InputError("names several kinds of software", key="framework", value=counts, allowed="runs of one kind")
    return next(iter(kinds))
