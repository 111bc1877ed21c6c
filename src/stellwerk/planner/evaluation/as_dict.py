"""An evaluation as plain data for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from stellwerk import __version__
from stellwerk.planner.estimate import MODEL_VERSION
from stellwerk.planner.evaluation.model import Errors, Evaluation, FamilyTable, Score, ScoredRow
from stellwerk.units import Interval

SCHEMA = 1


def evaluation_as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """The whole evaluation. Errors and coverage are fractions (0.1 is 10%); what is not known is null."""
    return {
        "schema": SCHEMA,
        "stellwerk": __version__,
        "planner_model": MODEL_VERSION,
        "unit": "fraction",
        "rows_read": len(evaluation.rows) + sum(map(len, evaluation.unscored.values())) + len(evaluation.refused),
        "rows_scored": len(evaluation.rows),
        **_table(evaluation.all),
        "covered": _table(evaluation.covered),
        "extrapolations": _table(evaluation.extrapolations),
        "breakdowns": {
            by: {name: _score(score) for name, score in scores.items()} for by, scores in evaluation.breakdowns.items()
        },
        "measured_rows": dict(evaluation.measured_rows),
        "unscored": {reason: len(ids) for reason, ids in evaluation.unscored.items()},
        "unscored_rows": {reason: list(ids) for reason, ids in evaluation.unscored.items()},
        "refused": [
            {"id": row.id, "line": row.line, **asdict(fault)} for row in evaluation.refused for fault in row.faults
        ],
        "contradictions": [asdict(one) | {"spread": one.spread} for one in evaluation.contradictions],
        "rows": [_row(row) for row in evaluation.rows],
    }


def _table(table: FamilyTable) -> dict[str, Any]:
    return {
        "overall": _score(table.overall) | {"families": len(table.families)},
        "families": {family: _score(score) for family, score in table.families.items()},
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "n": score.n,
        "step_time": _errors(score.step_time),
        "memory": _errors(score.memory),
        "coverage": score.step_time.coverage if score.step_time else None,
        "baselines": {name: _errors(errors) for name, errors in score.baselines.items()},
    }


def _errors(errors: Errors | None) -> dict[str, Any] | None:
    return None if errors is None else {name: value for name, value in asdict(errors).items() if value is not None}


def _row(row: ScoredRow) -> dict[str, Any]:
    prediction = row.prediction
    return {
        "id": row.run.id,
        "family": row.family,
        "accelerator": row.accelerator,
        "step_time_s": _beside(row.measured_step_time_s, prediction.step_time_s),
        "memory_bytes": _beside(row.measured_memory_bytes, prediction.memory_bytes),
        "memory_measure": row.run.memory_measure,
        "baselines_s": dict(row.baselines),
        "assumed": list(prediction.assumed),
    }


def _beside(measured: float | None, predicted: Interval | None) -> dict[str, Any]:
    return {"measured": measured, "predicted": None if predicted is None else predicted.as_dict()}
