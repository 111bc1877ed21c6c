"""``stellwerk train``: measure this machine, plan a small training, run it, compare."""

from __future__ import annotations

import datetime
import importlib.util
import math
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from stellwerk.cli.positive import PositiveNumber
from stellwerk.errors import MissingExtraError, RunError
from stellwerk.launch import (
    Comparison,
    FirstRun,
    RunDirectory,
    compare,
    job_to_measure,
    measuring_job,
    plan_first_run,
    prepare_run_directory,
    result_record,
    training_job,
)
from stellwerk.launch.engines.local import render_script, start
from stellwerk.training import (
    MetricsReader,
    Outcome,
    Rates,
    StepMetrics,
    TrainingJob,
    machine_memory_bytes,
    read_metrics,
    read_outcome,
    read_rates,
    write_json,
)
from stellwerk.units import format_count
from stellwerk.workload import count_parameters, read_workload

LOOK_EVERY_S = 0.2


@click.command(name="train")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/first"),
    show_default=True,
    help="Run directory; what an earlier run left in it is replaced.",
)
@click.option(
    "--seconds",
    type=PositiveNumber(),
    default=60.0,
    show_default=True,
    help="Time that the steps may take by the plan. FILE's tokens are the upper limit.",
)
def command(file: Path, out: Path, seconds: float) -> None:
    """Plan the small model in FILE for this machine, train it, and compare the plan with what was measured."""
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("stellwerk train", "train")
    workload = read_workload(file)
    to_measure = job_to_measure(workload, file=file, memory_bytes=machine_memory_bytes())
    directory = prepare_run_directory(out)
    console = Console(highlight=False)

    rates = _measure(console, directory, to_measure)
    run = plan_first_run(workload, rates, seconds=seconds, file=file)
    _show_plan(console, run, rates, seconds)
    _train(console, directory, run)

    metrics, outcome = read_metrics(directory.metrics), read_outcome(directory.outcome)
    comparisons = compare(run.plan, run.workload, metrics, outcome)
    as_of = datetime.datetime.now(datetime.UTC)
    write_json(directory.result, result_record(run, rates, metrics, outcome, comparisons, as_of=as_of))
    _show_result(console, comparisons, metrics, outcome)
    console.print(f"\nResult: {out / directory.result.name}; steps: {out / directory.metrics.name}", soft_wrap=True)


def _measure(console: Console, directory: RunDirectory, to_measure: TrainingJob) -> Rates:
    write_json(directory.job, to_measure)
    process = start(measuring_job(directory))
    try:
        with console.status("Measuring this machine …"):
            for _ in process.follow(LOOK_EVERY_S):
                pass
    finally:
        process.stop()
    return read_rates(directory.rates)


def _train(console: Console, directory: RunDirectory, run: FirstRun) -> None:
    """Runs the training to its end, showing each step; raises RunError where it fails."""
    job = training_job(directory)
    write_json(directory.job, run.job)
    directory.script.write_text(render_script(job, sys.executable), encoding="utf-8")
    reader = MetricsReader(directory.metrics)
    columns = (
        TextColumn("Training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    process = start(job)
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("starting", total=run.job.steps)
            for _ in process.follow(LOOK_EVERY_S):
                for step in reader.new():
                    shown = f"loss {step.loss:.3f}  {step.tokens_per_s:,.0f} tokens/s"
                    progress.update(task, completed=step.step, description=shown)
    except RunError:
        if directory.failure.exists():
            reason = directory.failure.read_text(encoding="utf-8").strip()
            raise RunError(f"the training stopped: {reason}; log: {directory.log}") from None
        raise
    finally:
        process.stop()


def _show_plan(console: Console, run: FirstRun, rates: Rates, seconds: float) -> None:
    plan, training, layout = run.plan, run.workload.training, run.plan.layout
    parameters = count_parameters(run.workload.architecture).total
    table = Table(title=f"Plan for {run.workload.name} on this machine", title_justify="left", show_header=False)
    rows = (
        ("machine", f"{rates.cores} cores, {rates.memory_bytes / 1e9:.1f} GB, {rates.processes} processes"),
        ("matrix products", f"{rates.model_matmul_flops / 1e9:.0f} GFLOP/s per process in {rates.compute_type}"),
        ("element-wise", f"{rates.memory_bandwidth_bytes_per_s / 1e9:.1f} GB/s per process"),
        ("between processes", f"{rates.link_bytes_per_s / 1e9:.2f} GB/s"),
        ("model", f"{format_count(parameters)} parameters"),
        ("tokens", f"{training.tokens:,} in {run.job.steps:,} steps of {training.tokens_per_step:,}"),
        ("layout", f"fully sharded over {layout.data}, {layout.micro_batches} x {layout.micro_batch} sequences each"),
        ("step", _parts(plan.step_parts_s, 1e3, "ms")),
        ("memory per process", _parts(plan.memory_parts_bytes, 1e-6, "MB")),
    )
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if run.job.steps < run.steps_asked:
        console.print(f"{run.job.steps:,} of {run.steps_asked:,} steps: as many as the plan fits into {seconds:g} s.")
    if rates.compute_type == "fp32":
        console.print("This machine computes faster in fp32 than in bf16, so it does; the plan counts bytes of bf16.")


def _show_result(
    console: Console, comparisons: tuple[Comparison, ...], metrics: tuple[StepMetrics, ...], outcome: Outcome
) -> None:
    table = Table(title="Planned and measured", title_justify="left")
    for heading in ("", "planned", "80% interval", "measured", "within"):
        table.add_column(heading, justify="left" if heading in ("", "within") else "right")
    for row in comparisons:
        interval = (
            "–" if row.interval is None else f"{_shown(row.interval.low, row)} to {_shown(row.interval.high, row)}"
        )
        within = {True: "yes", False: "no", None: "–"}[row.within]
        name = f"{row.quantity} [{row.unit}]" if row.unit else row.quantity
        table.add_row(name.replace("[", r"\["), _shown(row.planned, row), interval, _shown(row.measured, row), within)
    console.print(table)
    console.print(
        "MFU refers to the best matrix product that one process was measured at. Step time is the median without the "
        "first steps. Memory is the peak resident set of the fuller process, interpreter and libraries included."
    )
    console.print(
        f"\nLoss {metrics[0].loss:.3f} → {metrics[-1].loss:.3f}; on {outcome.held_out_tokens:,} bytes of text that was "
        f"kept aside: {outcome.held_out_loss:.3f} nats per byte ({outcome.held_out_loss / math.log(2):.2f} bits)."
    )
    console.print("\nA sample of what it writes now:")
    console.print(outcome.sample, markup=False)


def _parts(parts: Mapping[str, float], factor: float, unit: str) -> str:
    total = f"{sum(parts.values()) * factor:,.0f} {unit}"
    shares = ", ".join(f"{name.replace('_', ' ')} {value * factor:,.0f}" for name, value in parts.items() if value)
    return f"{total}: {shares}"


def _shown(value: float, row: Comparison) -> str:
    """A figure with three digits or as a whole number, bytes as MB."""
    if row.unit == "bytes":
        return f"{value / 1e6:,.0f} MB"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
