"""Hold a predictor against a table of measured runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from stellwerk.catalog import Accelerator
from stellwerk.planner.evaluation.baselines import baselines_of
from stellwerk.planner.evaluation.measured import MeasuredRun, measure
from stellwerk.planner.evaluation.model import Evaluation, Predictor, ScoredRow, Unscored, family_of
from stellwerk.planner.evaluation.scores import breakdowns, family_table
from stellwerk.records import RefusedRow, TrainingRun, contradictions

Fit = Callable[[Sequence[TrainingRun]], Predictor]


def evaluate(
    runs: Sequence[TrainingRun],
    predictor: Predictor,
    accelerators: Mapping[str, Accelerator],
    refused: Iterable[RefusedRow] = (),
) -> Evaluation:
    """The errors of a predictor on every run that has the columns it needs; the others are counted by reason.

    ``runs`` are free of faults, as ``records.read_usable_runs`` gives them; its ``refused`` ones are shown beside.
    ``accelerators`` are the catalogue's, by id.
    """
    return _evaluate(runs, lambda _: predictor, accelerators, refused)


def cross_validate(
    runs: Sequence[TrainingRun],
    fit: Fit,
    accelerators: Mapping[str, Accelerator],
    refused: Iterable[RefusedRow] = (),
) -> Evaluation:
    """The same with a predictor of its own for each family, fitted on the runs of all *other* families.

    ``fit`` gets every run of the others, unverified ones among them, and is called for a family with scorable runs
    only, once.
    """
    fitted: dict[str, Predictor] = {}

    def predictor_for(family: str) -> Predictor:
        if family not in fitted:
            fitted[family] = fit([run for run in runs if family_of(run) != family])
        return fitted[family]

    return _evaluate(runs, predictor_for, accelerators, refused)


def _evaluate(
    runs: Sequence[TrainingRun],
    predictor_for: Callable[[str], Predictor],
    accelerators: Mapping[str, Accelerator],
    refused: Iterable[RefusedRow],
) -> Evaluation:
    unscored: dict[str, list[str]] = defaultdict(list)
    measured: list[MeasuredRun] = []
    for run in runs:
        found = measure(run, accelerators)
        if isinstance(found, Unscored):
            unscored[found.reason].append(run.id)
        else:
            measured.append(found)
    rows: list[ScoredRow] = []
    for one, baselines in zip(measured, baselines_of(measured), strict=True):
        row = _scored(one, predictor_for(family_of(one.run)), baselines)
        if isinstance(row, Unscored):
            unscored[row.reason].append(one.run.id)
        else:
            rows.append(row)
    families_on: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        families_on[row.accelerator].add(row.family)
    covered = [row for row in rows if len(families_on[row.accelerator]) > 1]
    counts = Counter(row.accelerator for row in rows)
    return Evaluation(
        rows=tuple(rows),
        unscored={reason: tuple(unscored[reason]) for reason in sorted(unscored)},
        refused=tuple(refused),
        contradictions=contradictions(runs),
        all=family_table(rows),
        covered=family_table(covered),
        covered_dense=family_table(row for row in covered if row.is_dense and not row.trains_adapters),
        extrapolations=family_table(row for row in rows if len(families_on[row.accelerator]) == 1),
        breakdowns=breakdowns(rows),
        measured_rows={name: counts[name] for name in accelerators},
    )


def _scored(measured: MeasuredRun, predictor: Predictor, baselines: Mapping[str, float]) -> ScoredRow | Unscored:
    prediction = predictor(measured.run)
    if isinstance(prediction, Unscored):
        return prediction
    timed = measured.step_time_s is not None and prediction.step_time_s is not None
    weighed = measured.memory_bytes is not None and prediction.memory_bytes is not None
    if not timed and not weighed:
        return Unscored("nothing_predicted")
    return ScoredRow(
        run=measured.run,
        accelerator=measured.described.accelerator.id,
        measured_step_time_s=measured.step_time_s,
        measured_memory_bytes=measured.memory_bytes,
        prediction=prediction,
        baselines=baselines,
    )
