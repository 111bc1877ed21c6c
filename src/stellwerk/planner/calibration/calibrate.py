"""Fit the planner's constants to a table of measured runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stellwerk.catalog import Accelerator
from stellwerk.planner.calibration.fit import Fit, fit
from stellwerk.planner.calibration.parameters import (
    Parameter,
    Vector,
    constants_of,
    parameters_for,
    prior_vector,
    read_priors,
)
from stellwerk.planner.constants import Constants, Rates, rates_of
from stellwerk.planner.evaluation.cases import Case, case_of, stacked
from stellwerk.planner.evaluation.measured import MeasuredRun, measure
from stellwerk.planner.evaluation.model import Unscored, family_of
from stellwerk.planner.evaluation.predictor import measured_share
from stellwerk.planner.grid import LayoutGrid, grid_of, take_rows, total
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.model import Machine
from stellwerk.planner.shape import Shape
from stellwerk.planner.step import step_parts
from stellwerk.records import TrainingRun

TIME_NOISE = 0.07
"""Standard deviation of the logarithm of a measured step time from what any model of this kind could say: the same
configuration in successive releases of one software spreads by about as much."""
NOISY_NOISE = 0.40
"""Where the source itself says that its runs spread by 40%."""
MEMORY_NOISE = 0.05
COUNTED_RUNS = 25
"""Of runs of one family on one accelerator: more of them do not say more."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Measured runs as arrays of shape (n,)."""

    cases: tuple[Case, ...]
    shape: Shape
    grid: LayoutGrid
    kinds: tuple[Case, ...]
    """One run of each machine and software."""
    kind: np.ndarray
    """Places in ``kinds``."""
    log_step_time: Vector
    """Of seconds; NaN where it was not measured."""
    log_memory: Vector
    """Of bytes; NaN where it was not measured."""
    noise: Vector
    weight: Vector


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted constants, and what stands behind each."""

    constants: Constants
    parameters: tuple[Parameter, ...]
    fit: Fit
    runs: int


def calibrate(
    runs: Sequence[TrainingRun],
    accelerators: Mapping[str, Accelerator],
    operators: Mapping[str, float] | None = None,
) -> Calibration:
    """The constants that explain the runs best; ``accelerators`` are the catalogue's, by id, and ``operators`` the
    values that measured operators give to priors.

    Runs without the columns that scoring needs are passed over. Raises ValueError where none is left.
    """
    priors = read_priors(operators)
    measured = [one for run in runs if not isinstance(one := measure(run, accelerators), Unscored)]
    observed = observations(measured, accelerators, constants_of((), np.zeros(0), priors))
    parameters = parameters_for(
        priors,
        dict.fromkeys(case.described.software for case in observed.cases),
        dict.fromkeys(case.machine.accelerator for case in observed.cases),
    )
    found = fit_observations(observed, parameters, priors)
    constants = constants_of(parameters, found.vector, priors)
    counts = Counter(case.machine.accelerator for case in observed.cases)
    return Calibration(replace(constants, measured_rows=dict(counts)), parameters, found, len(observed.cases))


def observations(
    measured: Sequence[MeasuredRun],
    accelerators: Mapping[str, Accelerator],
    constants: Constants,
    machine: Machine | None = None,
) -> Observations:
    """The runs that can be predicted; all made on ``machine`` where one is given.

    Raises ValueError where none is left.
    """
    pairs = [(one, case_of(one.described, accelerators, constants, machine)) for one in measured]
    kept = [(one, case) for one, case in pairs if isinstance(case, Case)]
    if not kept:
        raise ValueError("no run of the table can be scored")
    cases = tuple(case for _, case in kept)
    kinds: dict[Any, int] = {}
    kind = [kinds.setdefault(_kind(case), len(kinds)) for case in cases]
    first = dict(reversed(list(zip(kind, cases, strict=True))))
    groups = Counter((family_of(one.run), case.machine.accelerator) for one, case in kept)
    return Observations(
        cases=cases,
        shape=stacked([case.shape for case in cases]),
        grid=grid_of(case.layout for case in cases),
        kinds=tuple(first[number] for number in range(len(kinds))),
        kind=np.array(kind, dtype=np.int64),
        log_step_time=np.log([one.step_time_s or np.nan for one, _ in kept]),
        log_memory=np.log([one.memory_bytes or np.nan for one, _ in kept]),
        noise=np.array([NOISY_NOISE if "NOISY" in (one.run.notes or "") else TIME_NOISE for one, _ in kept]),
        weight=np.array(
            [min(1.0, COUNTED_RUNS / groups[family_of(one.run), case.machine.accelerator]) for one, case in kept]
        ),
    )


def fit_observations(
    observed: Observations, parameters: Sequence[Parameter], priors: Mapping[str, Mapping[str, Any]]
) -> Fit:
    """The most probable parameters."""
    timed, weighed = np.isfinite(observed.log_step_time), np.isfinite(observed.log_memory)

    def residuals(vector: Vector) -> Vector:
        constants = constants_of(parameters, vector, priors)
        times = log_predicted_times(observed, constants)[timed] - observed.log_step_time[timed]
        memory = log_predicted_memory(observed, constants, weighed) - observed.log_memory[weighed]
        return np.concatenate([times, memory])

    return fit(
        residuals,
        prior_vector(parameters),
        np.array([one.sd for one in parameters]),
        noise=np.concatenate([observed.noise[timed], np.full(weighed.sum(), MEMORY_NOISE)]),
        weight=np.concatenate([observed.weight[timed], observed.weight[weighed]]),
    )


def log_predicted_times(observed: Observations, constants: Constants) -> Vector:
    """Of every run, in seconds."""
    rates = _rates(observed, constants)
    return np.log(total(step_parts(observed.shape, rates, observed.grid)))


def log_predicted_memory(observed: Observations, constants: Constants, weighed: np.ndarray) -> Vector:
    """Of the runs whose memory was measured, in bytes of the counter that was read."""
    rates = take_rows(_rates(observed, constants), weighed)
    parts = memory_parts(take_rows(observed.shape, weighed), rates, take_rows(observed.grid, weighed))
    measures = [
        case.described.run.memory_measure for case, chosen in zip(observed.cases, weighed, strict=True) if chosen
    ]
    factor = constants.common["reserved_factor"]
    shown = {one: measured_share(parts, one, factor) for one in set(measures)}
    return np.log([shown[one][index] for index, one in enumerate(measures)])


def _rates(observed: Observations, constants: Constants) -> Rates:
    of_kinds = [rates_of(case.machine, case.described.software, constants) for case in observed.kinds]
    return take_rows(stacked(of_kinds), observed.kind)


def _kind(case: Case) -> tuple[Any, ...]:
    return replace(case.machine, devices=1), case.described.software
