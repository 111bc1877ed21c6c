"""Fit the planner's constants to the tables in calibration/ and write them: ``make calibrate``.

    python scripts/calibrate.py [--date YYYY-MM-DD]

Prints what the tables of operators say, the errors on left-out families, what one run on a system is worth, the rows
behind each accelerator and every constant. Writes src/stellwerk/planner/constants.toml and the tables of the docs.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Column, Table

from stellwerk.catalog import Accelerator, load_catalogue
from stellwerk.files import write_whole
from stellwerk.planner.calibration import (
    Calibration,
    ClusterErrors,
    OperatorFits,
    calibrate,
    calibrated_spread,
    cluster_errors,
    constants_text,
    fit_operators,
    read_operators,
    read_priors,
    read_rings,
    spreads_of,
)
from stellwerk.planner.constants import Constants
from stellwerk.planner.evaluation import (
    Errors,
    Evaluation,
    FamilyTable,
    Predictor,
    Score,
    Unscored,
    cross_validate,
    family_of,
    measure,
)
from stellwerk.planner.evaluation.predictor import predictor_with
from stellwerk.records import TrainingRun, read_usable_runs

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from scripts.accuracy_page import fill, markdown, write_accuracy  # noqa: E402

TABLES = ROOT / "calibration"
OUT = ROOT / "src/stellwerk/planner/constants.toml"
PROCESSES = 2
ANY_SPREAD = dict.fromkeys(("base", "accelerator", "experts", "adapters", "memory", "memory_experts"), 1.0)
"""For predictions whose interval nobody looks at: widths are measured on them."""
console = Console(width=140, highlight=False)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Fit the planner's constants to the tables in calibration/.")
    today = datetime.datetime.now(datetime.UTC).date()
    parser.add_argument("--date", type=datetime.date.fromisoformat, default=today, help="written as the day of the fit")
    date = parser.parse_args(arguments).date

    accelerators = load_catalogue().accelerators
    table = TABLES / "runs.csv"
    read = read_usable_runs(table)
    operators = fit_operators(
        read_operators(TABLES / "op_efficiency_measured.csv"),
        read_rings(TABLES / "nccl_allreduce_measured.csv"),
        accelerators,
    )
    print_operators(operators)

    left_out, clusters = without_each_family(read.runs, accelerators, operators.priors)

    def validated(spreads: Mapping[str, float]) -> Evaluation:
        fit = partial(_fitted, left_out=left_out, spreads=spreads, accelerators=accelerators)
        return cross_validate(read.runs, fit, accelerators, read.refused)

    spreads = spreads_of(validated(ANY_SPREAD))
    evaluation = validated(spreads)
    calibration = calibrate(read.runs, accelerators, operators.priors)
    with_one_run = {"calibrated": calibrated_spread(clusters)}
    text = constants_text(
        calibration,
        fitted=date,
        table_sha256=hashlib.sha256(table.read_bytes()).hexdigest(),
        errors=dict(_errors(evaluation)),
        spreads=spreads | with_one_run,
    )
    constants = replace(calibration.constants, spreads=spreads | with_one_run, fitted=date)
    released = as_released(read.runs, constants, accelerators)
    print_evaluation(evaluation)
    print_clusters(clusters, released)
    print_spreads(spreads | with_one_run)
    print_constants(calibration)
    write_whole(OUT, text.encode())
    write_accuracy(evaluation, calibration, constants, accelerators)
    fill(ROOT / "docs" / "calibrate.md", {"one_run": one_run_table(clusters, released)})
    console.print(f"Written: {OUT.relative_to(ROOT)}")


def without_each_family(
    runs: Sequence[TrainingRun], accelerators: Mapping[str, Accelerator], operators: Mapping[str, float]
) -> tuple[dict[str, Constants], tuple[ClusterErrors, ...]]:
    """The constants fitted without each family, by its name, and what one of its runs then says of the others."""
    families = _families(runs, accelerators)
    task = partial(_without, runs=runs, accelerators=accelerators, operators=operators)
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = list(pool.map(task, families))
    constants = {family: one for family, (one, _) in zip(families, found, strict=True)}
    return constants, tuple(chain.from_iterable(clusters for _, clusters in found))


def as_released(runs: Sequence[TrainingRun], constants: Constants, accelerators: Mapping[str, Accelerator]) -> Released:
    """What one run says of the others of its cluster with the constants that are fitted to all families."""
    of_families = [[run for run in runs if family_of(run) == family] for family in _families(runs, accelerators)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        task = partial(cluster_errors, constants=constants, accelerators=accelerators)
        found = chain.from_iterable(pool.map(task, of_families))
    return {(one.family, one.accelerator): one for one in found}


def _families(runs: Sequence[TrainingRun], accelerators: Mapping[str, Accelerator]) -> list[str]:
    """Of the runs that can be measured against."""
    return sorted({family_of(run) for run in runs if not isinstance(measure(run, accelerators), Unscored)})


def _without(
    family: str,
    runs: Sequence[TrainingRun],
    accelerators: Mapping[str, Accelerator],
    operators: Mapping[str, float],
) -> tuple[Constants, tuple[ClusterErrors, ...]]:
    others = [run for run in runs if family_of(run) != family]
    constants = calibrate(others, accelerators, operators).constants
    return constants, cluster_errors([run for run in runs if family_of(run) == family], constants, accelerators)


def _fitted(
    others: Sequence[TrainingRun],
    left_out: Mapping[str, Constants],
    spreads: Mapping[str, float],
    accelerators: Mapping[str, Accelerator],
) -> Predictor:
    """With the constants of the one family that is not among ``others``."""
    (family,) = set(left_out) - {family_of(run) for run in others}
    return predictor_with(replace(left_out[family], spreads=spreads), accelerators)


def _errors(evaluation: Evaluation) -> Iterable[tuple[str, float]]:
    """For the head of the file: means over families."""
    for name, table in (("covered", evaluation.covered), ("extrapolations", evaluation.extrapolations)):
        step_time, memory = table.overall.step_time, table.overall.memory
        if step_time is not None:
            yield f"step_time_mape_{name}", step_time.mape
            yield f"step_time_median_{name}", step_time.median_ape
        if memory is not None:
            yield f"memory_mape_{name}", memory.mape


def print_operators(operators: OperatorFits) -> None:
    table = _table(
        "Operators and all-reduces", "kind", "rows", "error", "found", justify=("left", "right", "right", "left")
    )
    for one in operators.fits:
        values = ", ".join(f"{name} {value:.3g}" for name, value in one.values.items())
        table.add_row(one.system, one.kind, f"{one.rows:,}", f"{one.median_error:.1%}", values)
    console.print(table)
    before = read_priors()
    moves = _table("Priors from them", "of its own", "in its place", "moved")
    for name, value in operators.priors.items():
        own = float(before[name]["value"])
        moves.add_row(name, f"{own:.3g}", f"{value:.3g}", f"{value / own - 1:+.0%}")
    console.print(moves)


def print_evaluation(evaluation: Evaluation) -> None:
    _print_families("Left-out families whose accelerator others measured", evaluation.covered)
    _print_families("Extrapolations: accelerators of one family only", evaluation.extrapolations)
    for by, scores in evaluation.breakdowns.items():
        _print_scores(f"By {by}", scores)
    rows = _table("Rows behind each accelerator", "rows")
    for name, count in evaluation.measured_rows.items():
        rows.add_row(name, f"{count:,}")
    console.print(rows)


def _print_families(title: str, table: FamilyTable) -> None:
    _print_scores(title, {**table.families, "mean of the families": table.overall})


def _print_scores(title: str, scores: Mapping[str, Score]) -> None:
    table = _table(title, "rows", "mean", "median", "bias", "covered", "const. MFU", "6ND 40%", "memory", "rows")
    for name, score in scores.items():
        baselines = (score.baselines[one] for one in ("constant_mfu", "six_nd_at_40_percent"))
        table.add_row(
            name,
            *(_percent(score.step_time, one) for one in ("n", "mape", "median_ape", "bias", "coverage")),
            *(_percent(errors, "mape") for errors in baselines),
            _percent(score.memory, "mape"),
            _percent(score.memory, "n"),
        )
    console.print(table)


def _percent(errors: Errors | None, name: str) -> str:
    value = None if errors is None else getattr(errors, name)
    return "" if value is None else f"{value:,}" if name == "n" else f"{value:.1%}"


ONE_RUN = (
    "source",
    "accelerator",
    "runs",
    "before",
    "after",
    "alike: before",
    "after",
    "all runs on themselves",
    "as released: before",
    "after",
)

Released = Mapping[tuple[str, str], ClusterErrors]
"""By family and accelerator."""


def print_clusters(clusters: Iterable[ClusterErrors], released: Released) -> None:
    """What one run says of the others of its cluster, with constants fitted without its family, and as released."""
    table = _table(
        "One run of a cluster: median error on its others",
        *ONE_RUN[1:],
        justify=("left", *("right",) * (len(ONE_RUN) - 2)),
    )
    for row in _one_run_rows(clusters, released):
        table.add_row(*row)
    console.print(table)


def one_run_table(clusters: Iterable[ClusterErrors], released: Released) -> str:
    """The same for the documentation."""
    return markdown(ONE_RUN, list(_one_run_rows(clusters, released)))


def _one_run_rows(clusters: Iterable[ClusterErrors], released: Released) -> Iterable[list[str]]:
    clusters = tuple(clusters)
    for one in clusters:
        seen = released[one.family, one.accelerator]
        errors = (one.before, one.after, one.alike_before, one.alike_after, one.all_runs_after, seen.before, seen.after)
        shown = ("" if error is None else f"{error:.1%}" for error in errors)
        name = f"{one.family} (spreads by 40%, it says)" if one.noisy else one.family
        yield [name, one.accelerator, f"{one.runs:,}", *shown]
    means = [f"{fmean(getattr(one, name) for one in clusters):.1%}" for name in ("before", "after")]
    seen_means = [f"{fmean(getattr(one, name) for one in released.values()):.1%}" for name in ("before", "after")]
    yield ["mean of the clusters", "", "", *means, "", "", "", *seen_means]


def print_spreads(spreads: Mapping[str, float]) -> None:
    table = _table("Spreads", "standard deviation of the logarithm")
    for name, sd in spreads.items():
        table.add_row(name, f"{sd:.3f}")
    console.print(table)


def print_constants(calibration: Calibration) -> None:
    table = _table("Constants", "prior", "value", "sd", "identified")
    found = calibration.fit
    for parameter, logarithm, sd, identified in zip(
        calibration.parameters, found.vector.tolist(), found.sd.tolist(), found.identified.tolist(), strict=True
    ):
        shown = "yes" if identified else "no"
        table.add_row(parameter.name, f"{parameter.prior:.3g}", f"{math.exp(logarithm):.3g}", f"{sd:.3f}", shown)
    console.print(table)


def _table(title: str, *columns: str, justify: Sequence[str] | None = None) -> Table:
    sides = justify or ("right",) * len(columns)
    headings = (Column(name, justify=side) for name, side in zip(columns, sides, strict=True))  # type: ignore[arg-type]
    return Table(Column(title), *headings, box=None, pad_edge=False)


if __name__ == "__main__":
    main()
