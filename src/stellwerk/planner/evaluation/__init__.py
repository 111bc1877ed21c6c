"""A predictor held against measured runs: errors by source family, beside those of simple baselines."""

from stellwerk.planner.evaluation.as_dict import evaluation_as_dict
from stellwerk.planner.evaluation.baselines import BASELINES
from stellwerk.planner.evaluation.described import NEEDED, DescribedRun, describe
from stellwerk.planner.evaluation.evaluate import Fit, cross_validate, evaluate
from stellwerk.planner.evaluation.measured import MeasuredRun, measure, measured_step_time_s
from stellwerk.planner.evaluation.model import (
    REASONS,
    Errors,
    Evaluation,
    FamilyTable,
    Prediction,
    Predictor,
    Score,
    ScoredRow,
    Unscored,
    family_of,
    reason_in_words,
)
from stellwerk.planner.evaluation.predictor import packaged_predictor

__all__ = [
    "BASELINES",
    "NEEDED",
    "REASONS",
    "DescribedRun",
    "Errors",
    "Evaluation",
    "FamilyTable",
    "Fit",
    "MeasuredRun",
    "Prediction",
    "Predictor",
    "Score",
    "ScoredRow",
    "Unscored",
    "cross_validate",
    "describe",
    "evaluate",
    "evaluation_as_dict",
    "family_of",
    "measure",
    "measured_step_time_s",
    "packaged_predictor",
    "reason_in_words",
]
