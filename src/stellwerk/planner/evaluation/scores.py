"""Errors of predictions, by family and by kind of run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median

from stellwerk.planner.evaluation.baselines import BASELINES
from stellwerk.planner.evaluation.model import Errors, FamilyTable, Score, ScoredRow
from stellwerk.records import TrainingRun
from stellwerk.units import Interval

Pair = tuple[float, Interval]
"""Measured and predicted, in the same unit."""


def family_table(rows: Iterable[ScoredRow]) -> FamilyTable:
    """Every family's score, and the mean over the families that have one."""
    families = _scores_by(rows, lambda row: row.family)
    return FamilyTable(mean_over_families(list(families.values())), families)


def breakdowns(rows: Sequence[ScoredRow]) -> dict[str, dict[str, Score]]:
    """Rows of one kind together: by accelerator, dense or experts, the axes of the layout, task, and precision."""
    return {
        "accelerator": _scores_by(rows, lambda row: row.accelerator),
        "model": _scores_by(rows, lambda row: "experts" if row.run.experts else "dense"),
        "layout": _scores_by(rows, lambda row: layout_kind(row.run)),
        "task": _scores_by(rows, lambda row: row.run.task or "not stated"),
        "precision": _scores_by(rows, lambda row: row.run.precision or "not stated"),
    }


def layout_kind(run: TrainingRun) -> str:
    """The axes that a run is parallel along: ``tp+pp+dp``; ``one GPU`` where there are none."""
    tensor, pipeline, context = run.tp or 1, run.pp or 1, run.cp or 1
    data = (run.n_gpus or 1) // (tensor * pipeline * context)
    axes = {"tp": tensor, "pp": pipeline, "cp": context, "ep": run.ep or 1, "dp": data}
    return "+".join(axis for axis, size in axes.items() if size > 1) or "one GPU"


def score(rows: Sequence[ScoredRow]) -> Score:
    """Of all rows together."""
    times = [
        (row, row.measured_step_time_s, row.prediction.step_time_s)
        for row in rows
        if row.measured_step_time_s is not None and row.prediction.step_time_s is not None
    ]
    memory = [
        (row.measured_memory_bytes, row.prediction.memory_bytes)
        for row in rows
        if row.measured_memory_bytes is not None and row.prediction.memory_bytes is not None
    ]
    return Score(
        n=len(rows),
        step_time=errors([(measured, predicted) for _, measured, predicted in times]),
        memory=errors(memory),
        baselines={
            name: errors(
                [
                    (measured, Interval.exactly(row.baselines[name]))
                    for row, measured, _ in times
                    if name in row.baselines
                ],
                with_coverage=False,
            )
            for name in BASELINES
        },
    )


def errors(pairs: Sequence[Pair], *, with_coverage: bool = True) -> Errors | None:
    """Of predictions beside positive measurements; None of none."""
    if not pairs:
        return None
    relative = [predicted.best / measured - 1 for measured, predicted in pairs]
    inside = [predicted.low <= measured <= predicted.high for measured, predicted in pairs]
    return Errors(
        n=len(pairs),
        mape=fmean(map(abs, relative)),
        median_ape=median(map(abs, relative)),
        bias=fmean(relative),
        coverage=fmean(inside) if with_coverage else None,
    )


def mean_over_families(families: Sequence[Score]) -> Score:
    """Each figure as the mean over the families that have it; ``n`` is the sum."""
    return Score(
        n=sum(family.n for family in families),
        step_time=_mean([family.step_time for family in families]),
        memory=_mean([family.memory for family in families]),
        baselines={name: _mean([family.baselines[name] for family in families]) for name in BASELINES},
    )


def _mean(each: Iterable[Errors | None]) -> Errors | None:
    known = [one for one in each if one is not None]
    if not known:
        return None
    coverages = [one.coverage for one in known if one.coverage is not None]
    return Errors(
        n=sum(one.n for one in known),
        mape=fmean(one.mape for one in known),
        median_ape=fmean(one.median_ape for one in known),
        bias=fmean(one.bias for one in known),
        coverage=fmean(coverages) if coverages else None,
    )


def _scores_by(rows: Iterable[ScoredRow], kind: Callable[[ScoredRow], str]) -> dict[str, Score]:
    groups: Mapping[str, list[ScoredRow]] = defaultdict(list)
    for row in rows:
        groups[kind(row)].append(row)
    return {name: score(groups[name]) for name in sorted(groups)}
