"""What a predictor says of a run, and what an evaluation says of a predictor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stellwerk.records import Contradiction, RefusedRow, TrainingRun
from stellwerk.units import Interval


@dataclass(frozen=True, slots=True)
class Prediction:
    """Of one run; None where a predictor says nothing. ``assumed`` names in words what the row leaves open."""

    step_time_s: Interval | None
    memory_bytes: Interval | None
    """Peak on the fullest device, by the measure that the row's ``memory_measure`` names."""
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unscored:
    """Why a run is not scored: a key of ``REASONS``, or ``missing_`` and a column."""

    reason: str


Predictor = Callable[[TrainingRun], Prediction | Unscored]

REASONS = {
    "unverified": "known, but not re-read in its source",
    "unknown_accelerator": "the accelerator is not in the catalogue",
    "other_accelerator": "it was measured on another accelerator",
    "no_measurement": "no step time, token rate, TFLOP/s, MFU or memory is given",
    "flops_convention_unclear": "only TFLOP/s, MFU or HFU are given, and not which FLOPs they count",
    "peak_unclear": "only MFU or HFU are given, in a precision whose peak may be meant or not",
    "nothing_predicted": "the predictor says nothing about what was measured",
    "accelerator_rates_unknown": "the catalogue does not know the accelerator's rates",
    "layout_in_modules": "the layout counts modules, each of which is several devices",
    "precision_not_modelled": "the planner does not model this precision",
    "layout_not_modelled": "the planner does not model this layout",
    "recomputation_unclear": "recompute is none of: none, selective, full",
    "task_not_modelled": "the planner does not model this task",
}


def reason_in_words(reason: str) -> str:
    """What a code of ``Unscored`` means."""
    return REASONS.get(reason) or f"the column {reason.removeprefix('missing_')} is empty"


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """One run beside what was predicted for it. ``baselines`` are step times in seconds."""

    run: TrainingRun
    accelerator: str
    """Its id in the catalogue."""
    measured_step_time_s: float | None
    measured_memory_bytes: float | None
    prediction: Prediction
    baselines: Mapping[str, float]

    @property
    def family(self) -> str:
        return family_of(self.run)

    @property
    def is_dense(self) -> bool:
        return not self.run.experts

    @property
    def trains_adapters(self) -> bool:
        return self.run.task in ("lora", "qlora")


@dataclass(frozen=True, slots=True)
class Errors:
    """Of ``n`` predictions; an error is (predicted - measured) / measured.

    ``mape`` and ``median_ape`` are mean and median of its absolute value, ``bias`` is its mean: above zero, the
    predictions are too high. ``coverage`` is the share of measurements inside the interval; None for a prediction
    without one.
    """

    n: int
    mape: float
    median_ape: float
    bias: float
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Of ``n`` rows; None where nothing of the kind was measured and predicted. ``baselines`` are scored on the same
    step times."""

    n: int
    step_time: Errors | None
    memory: Errors | None
    baselines: Mapping[str, Errors | None]


@dataclass(frozen=True, slots=True)
class FamilyTable:
    """The score of every source family, and the mean over them: each family has the same weight."""

    overall: Score
    families: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A predictor held against a table of runs.

    ``covered`` takes the rows whose accelerator another family has rows of, too, ``extrapolations`` the others;
    ``covered_dense`` the first without experts and adapters.
    ``breakdowns`` score all rows of a kind together, whatever their family. ``measured_rows`` counts the scored rows
    of each accelerator in the catalogue.
    """

    rows: tuple[ScoredRow, ...]
    unscored: Mapping[str, tuple[str, ...]]
    """Ids of rows by reason."""
    refused: tuple[RefusedRow, ...]
    contradictions: tuple[Contradiction, ...]
    all: FamilyTable
    covered: FamilyTable
    covered_dense: FamilyTable
    extrapolations: FamilyTable
    breakdowns: Mapping[str, Mapping[str, Score]]
    measured_rows: Mapping[str, int]


def family_of(run: TrainingRun) -> str:
    """The group of sources that a run is not independent of."""
    return run.source_family or "not stated"
