"""``stellwerk calibrate``: refine the planner for one system from one to a few of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Column, Table

from stellwerk.broker import ground_of
from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.cli.mistakes import naming_file
from stellwerk.cli.output import console, today
from stellwerk.cli.target import offer_at
from stellwerk.errors import InputError, InputErrors
from stellwerk.files import write_whole
from stellwerk.launch import RunDirectory
from stellwerk.messages import render
from stellwerk.planner import Machine, packaged_constants
from stellwerk.planner.calibration import Overlay, OverlayRun, calibrate_system, factor_priors, overlay_text
from stellwerk.planner.evaluation import reason_in_words
from stellwerk.records import RefusedRow, contradictions, read_usable_runs

FAR = 0.20
"""A run that is still so far from its prediction is named: it contradicts the others, or what the planner knows."""
LISTED = 20


@click.command(name="calibrate")
@click.option("--runs", "table", type=click.Path(path_type=Path), help="A table of measured runs (docs/calibrate.md).")
@click.option(
    "--run", "folder", type=click.Path(path_type=Path), help="Instead of --runs: the folder of a finished run."
)
@click.option("--system", "target", required=True, help="Id of the system or product of the catalogue that ran them.")
@click.option("--out", type=click.Path(path_type=Path), help="A new file for what was found; plan reads it.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="Local data to lay over the catalogue.")
def command(table: Path | None, folder: Path | None, target: str, out: Path | None, catalogue: Path | None) -> None:
    """Refine the planner for one system from one to a few runs that were measured on it.

    Shows what was found; --out keeps it as a file for --calibration of plan, explain and match.
    """
    if (table is None) == (folder is None):
        raise InputError("is needed, and only one", key="--runs or --run", allowed="a table, or the folder of a run")
    if out is not None and out.exists():
        raise InputError("exists and is not replaced", key="--out", value=str(out), allowed="a new file")
    file = table or _record_of(folder or Path())
    known = load_catalogue(overlay=catalogue)
    machine = _machine(target, known)
    read = read_usable_runs(file)
    if not read.runs:
        raise InputErrors(_mistakes(read.refused, file))
    with naming_file(file):
        overlay, unscored = calibrate_system(
            read.runs,
            system=target,
            machine=machine,
            accelerators=known.accelerators,
            constants=packaged_constants(),
            made=today(),
        )
    _print(overlay, machine)
    _print_left_out(unscored, read.refused)
    used = {run.id for run in overlay.runs}
    for one in contradictions(run for run in read.runs if run.id in used):
        times = ", ".join(f"{time:.4g}" for time in one.step_times_s)
        console.print(f"Contradictory: {escape(', '.join(one.ids))}: {times} s, though every condition is the same")
    if out is None:
        console.print("Nothing was written; --out FILE keeps it for --calibration of plan, explain and match.")
    else:
        write_whole(out, overlay_text(overlay).encode())
        console.print(f"Written: {out}")


def _record_of(folder: Path) -> Path:
    record = RunDirectory(folder).run_record
    if not record.exists():
        raise InputError(
            f"holds no {record.name}", key="--run", value=str(folder), allowed="the folder of a run that has ended"
        )
    return record


def _machine(target: str, catalogue: Catalogue) -> Machine:
    ground = ground_of(offer_at(catalogue, target, key="--system"), catalogue, None)
    if ground.machine is None:
        why = " ".join(render(finding.reason, "en") for finding in ground.in_the_way)
        raise InputError(f"cannot be planned on: {why}", key="--system", value=target)
    return ground.machine


def _mistakes(refused: Iterable[RefusedRow], file: Path) -> list[InputError]:
    return [
        InputError(f"row {row.id} (line {row.line}): {fault.reason}", file=file, key=fault.column, value=fault.value)
        for row in refused
        for fault in row.faults
    ]


def _print(overlay: Overlay, machine: Machine) -> None:
    console.print(
        f"{overlay.system}: {machine.name}, {overlay.software}, from "
        f"{len(overlay.runs)} run{'s' if len(overlay.runs) > 1 else ''}",
        style="bold",
    )
    runs = Table(
        Column("Run"),
        *(Column(name, justify="right") for name in ("measured, s", "before, s", "", "after, s", "")),
        box=None,
        pad_edge=False,
    )
    for run in overlay.runs[:LISTED]:
        runs.add_row(
            escape(run.id),
            f"{run.measured_s:.4g}",
            f"{run.before_s:.4g}",
            f"{run.before_s / run.measured_s - 1:+.1%}",
            f"{run.after_s:.4g}",
            f"{run.after_s / run.measured_s - 1:+.1%}",
        )
    console.print(runs)
    if len(overlay.runs) > LISTED:
        console.print(f"... and {len(overlay.runs) - LISTED:,} more")
    _print_factors(overlay)
    for line in _far(overlay.runs):
        console.print(line)


def _print_factors(overlay: Overlay) -> None:
    constants = {prior.name: ", ".join(prior.constants) for prior in factor_priors()}
    factors = Table(
        "Factor",
        Column("value", justify="right"),
        Column("uncertainty", justify="right"),
        "on",
        box=None,
        pad_edge=False,
    )
    for name, factor in overlay.factors.items():
        if factor.identified:
            factors.add_row(name, f"{factor.value:.3f}", f"±{factor.sd:.0%}", constants[name])
    if overlay.identified:
        console.print(factors)
    else:
        console.print("The runs identify no factor: all constants keep their values.")
        return
    open_ones = [name for name, factor in overlay.factors.items() if not factor.identified]
    if open_ones:
        console.print(f"Not identified by these runs, left at 1: {', '.join(open_ones)}")


def _far(runs: Iterable[OverlayRun]) -> Iterable[str]:
    for run in runs:
        if abs(run.after_s / run.measured_s - 1) > FAR:
            yield (
                f"{escape(run.id)} is still {run.after_s / run.measured_s - 1:+.0%} off: it contradicts the others, or "
                "something moved it that the planner does not know."
            )


def _print_left_out(unscored: Mapping[str, tuple[str, ...]], refused: Iterable[RefusedRow]) -> None:
    for reason, ids in unscored.items():
        console.print(f"Not used ({reason_in_words(reason)}): {escape(', '.join(ids[:LISTED]))}", soft_wrap=True)
    for row in refused:
        for fault in row.faults:
            what = f"{fault.column} = {escape(fault.value)}: {fault.reason}"
            console.print(f"Refused: row {escape(row.id)} (line {row.line}), {what}", soft_wrap=True)
