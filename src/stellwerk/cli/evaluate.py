"""``stellwerk evaluate``: the planner's errors on a table of measured runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Column, Table

from stellwerk.catalog import load_catalogue
from stellwerk.cli.output import console, print_json
from stellwerk.errors import InputError, InputErrors
from stellwerk.planner.evaluation import (
    BASELINES,
    Errors,
    Evaluation,
    FamilyTable,
    Score,
    evaluate,
    evaluation_as_dict,
    packaged_predictor,
    reason_in_words,
)
from stellwerk.records import UsableRuns, read_usable_runs

LISTED = 20
"""Rows that are named one by one; --json names all of them."""
_BASELINE_HEADINGS = {"constant_mfu": "MFU", "six_nd_at_40_percent": "6ND"}


@click.command(name="evaluate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, each row beside its prediction.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="Local data to lay over the catalogue.")
def command(file: Path, as_json: bool, catalogue: Path | None) -> None:
    """Hold the planner against the measured runs in the table FILE (CSV)."""
    read = read_usable_runs(file)
    if not read.runs:
        raise InputErrors(_mistakes(read, file))
    known = load_catalogue(overlay=catalogue)
    evaluation = evaluate(read.runs, packaged_predictor(known.accelerators), known.accelerators, read.refused)
    if as_json:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        about = {"table": {"file": file.name, "sha256": sha256}, "catalogue_sha256": known.hash}
        print_json(evaluation_as_dict(evaluation) | about)
        return
    _print(evaluation, file)


def _mistakes(read: UsableRuns, file: Path) -> list[InputError]:
    return [
        InputError(f"row {row.id} (line {row.line}): {fault.reason}", file=file, key=fault.column, value=fault.value)
        for row in read.refused
        for fault in row.faults
    ]


def _print(evaluation: Evaluation, file: Path) -> None:
    unscored = sum(map(len, evaluation.unscored.values()))
    refused = len(evaluation.refused)
    console.print(
        f"{escape(file.name)}: {len(evaluation.rows) + unscored + refused:,} rows, {len(evaluation.rows):,} scored, "
        f"{unscored:,} not scored, {refused:,} refused",
        style="bold",
    )
    console.print(
        "Errors of the step time in percent of the measurement (bias above zero: predicted too slow), the share of the "
        "measurements inside the 80% interval, the mean errors of a constant MFU and of 6ND at 40%, "
        "and the mean error of the peak memory with its rows."
    )
    console.print()
    _print_families("Accelerators that several families measured", evaluation.covered)
    _print_families("Extrapolations: accelerators of one family only", evaluation.extrapolations)
    for by, scores in evaluation.breakdowns.items():
        _print_scores(f"By {by}", scores)
    rows = ", ".join(f"{name} {n}" for name, n in evaluation.measured_rows.items() if n)
    none = ", ".join(name for name, n in evaluation.measured_rows.items() if not n)
    console.print(f"Scored rows behind each accelerator: {rows or 'none'}")
    console.print(f"No row behind: {none or 'none'}")
    _print_unscored(evaluation)
    _print_refused(evaluation)
    _print_contradictions(evaluation)


def _print_families(title: str, table: FamilyTable) -> None:
    if table.families:
        _print_scores(title, table.families, overall=table.overall)


def _print_scores(title: str, scores: Mapping[str, Score], overall: Score | None = None) -> None:
    console.print(title, style="bold")
    table = Table(
        Column("", overflow="fold"),
        *(Column(name, justify="right") for name in ("rows", "mean", "median", "bias", "covered")),
        *(Column(_BASELINE_HEADINGS[name], justify="right") for name in BASELINES),
        *(Column(name, justify="right") for name in ("memory", "rows")),
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name, score in scores.items():
        table.add_row(escape(name), *_cells(score))
    if overall is not None:
        table.add_section()
        table.add_row("mean of the families", *_cells(overall), style="bold")
    console.print(table)
    console.print()


def _cells(score: Score) -> list[str]:
    time, memory = score.step_time, score.memory
    return [
        *(("", "", "", "", "") if time is None else _step_time_cells(time)),
        *(_mape(score.baselines[name]) for name in BASELINES),
        _mape(memory),
        "" if memory is None else str(memory.n),
    ]


def _step_time_cells(errors: Errors) -> tuple[str, ...]:
    covered = "" if errors.coverage is None else f"{errors.coverage:.0%}"
    return str(errors.n), f"{errors.mape:.1%}", f"{errors.median_ape:.1%}", f"{errors.bias:+.1%}", covered


def _mape(errors: Errors | None) -> str:
    return "" if errors is None else f"{errors.mape:.1%}"


def _print_unscored(evaluation: Evaluation) -> None:
    if not evaluation.unscored:
        return
    table = Table("Not scored", Column("rows", justify="right"), "reason", box=None, pad_edge=False)
    for reason, ids in evaluation.unscored.items():
        table.add_row(reason, str(len(ids)), escape(reason_in_words(reason)))
    console.print(table)


def _print_refused(evaluation: Evaluation) -> None:
    lines = [
        f"- row {row.id} (line {row.line}), {fault.column} = {_short(fault.value)}: {fault.reason}"
        for row in evaluation.refused
        for fault in row.faults
    ]
    _print_list("Refused, since it cannot be true:", lines)


def _print_contradictions(evaluation: Evaluation) -> None:
    lines = [
        f"- {', '.join(one.ids)}: {', '.join(f'{time:.4g}' for time in one.step_times_s)} s, {one.spread:.0%} apart"
        for one in evaluation.contradictions
    ]
    _print_list("The same run by every column, with other step times (each is scored by itself):", lines)


def _print_list(heading: str, lines: list[str]) -> None:
    if not lines:
        return
    console.print()
    console.print(heading, style="bold")
    for line in lines[:LISTED]:
        console.print(line, markup=False)
    if len(lines) > LISTED:
        console.print(f"… and {len(lines) - LISTED:,} more; --json lists all of them")


def _short(text: str, limit: int = 30) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
