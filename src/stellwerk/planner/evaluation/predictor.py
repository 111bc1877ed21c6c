"""The planner as a predictor of measured runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from stellwerk.catalog import Accelerator
from stellwerk.planner.constants import Constants, packaged_constants, rates_of
from stellwerk.planner.estimate import memory_spread, step_time_spread
from stellwerk.planner.evaluation.cases import Case, case_of
from stellwerk.planner.evaluation.described import describe
from stellwerk.planner.evaluation.model import Prediction, Predictor, Unscored
from stellwerk.planner.grid import FloatArray, grid_of, total
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.step import step_parts
from stellwerk.records import TrainingRun


def packaged_predictor(accelerators: Mapping[str, Accelerator]) -> Predictor:
    """Predicts with the constants of this version; ``accelerators`` are the catalogue's, by id."""
    return predictor_with(packaged_constants(), accelerators)


def predictor_with(constants: Constants, accelerators: Mapping[str, Accelerator]) -> Predictor:
    """Predicts with the given constants."""

    def predict(run: TrainingRun) -> Prediction | Unscored:
        described = describe(run, accelerators)
        if isinstance(described, Unscored):
            return described
        case = case_of(described, accelerators, constants)
        return case if isinstance(case, Unscored) else _predict(case, constants)

    return predict


def measured_share(parts: Mapping[str, FloatArray], measure: str | None, reserved_factor: float) -> FloatArray:
    """Bytes that a counter shows of ``memory_parts``: the framework's own of what is allocated or reserved, or the
    driver's, which sees the runtime as well. One that is not stated is taken for the framework's second."""
    allocated = total({name: values for name, values in parts.items() if name != "runtime"})
    if measure == "allocated":
        return allocated
    reserved = reserved_factor * allocated
    return reserved + parts["runtime"] if measure == "device" else reserved


def _predict(case: Case, constants: Constants) -> Prediction:
    described, grid = case.described, grid_of([case.layout])
    rates = rates_of(case.machine, described.software, constants)
    seconds = float(total(step_parts(case.shape, rates, grid))[0])
    shown = measured_share(
        memory_parts(case.shape, rates, grid), described.run.memory_measure, constants.common["reserved_factor"]
    )
    spread = step_time_spread(described.architecture, described.training, case.machine, constants)
    memory = memory_spread(described.architecture, constants) * float(shown[0])
    return Prediction(spread * seconds if math.isfinite(seconds) else None, memory, case.assumed)
