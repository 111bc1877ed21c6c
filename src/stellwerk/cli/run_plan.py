"""The plan of a run as a table and as JSON, and the command that carries it out."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from stellwerk.cli.run_show import show_bytes, show_duration
from stellwerk.launch import Expectation, Job, LocalRun, RunDirectory, read_expectation, read_name
from stellwerk.launch.engines.local import render_command
from stellwerk.training import Rates, TrainingJob, read_job, read_rates
from stellwerk.units import format_count

JSON_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """What is shown of a run before it starts. ``training`` is what the reference program is told, None where a
    program of one's own runs."""

    name: str
    directory: RunDirectory
    expected: Expectation
    rates: Rates
    training: TrainingJob | None
    job: Job

    @classmethod
    def of(cls, run: LocalRun, rates: Rates, job: Job, directory: RunDirectory) -> ShownPlan:
        return cls(run.workload.name, directory, run.expected, rates, run.job, job)

    @classmethod
    def of_run(cls, directory: RunDirectory, job: Job) -> ShownPlan:
        """The plan of the run in the folder."""
        training = read_job(directory.job) if directory.job.exists() else None
        expected, rates = read_expectation(directory.plan), read_rates(directory.rates)
        return cls(read_name(directory), directory, expected, rates, training, job)

    @property
    def command(self) -> tuple[str, ...]:
        return render_command(self.job, sys.executable)


def plan_as_dict(shown: ShownPlan) -> dict[str, Any]:
    return {
        "schema": JSON_SCHEMA,
        "directory": str(shown.directory.path),
        "plan": shown.expected.as_dict(),
        "machine": asdict(shown.rates),
        "job": None if shown.training is None else asdict(shown.training),
        "command": list(shown.command),
    }


def show_plan(console: Console, shown: ShownPlan) -> None:
    """The plan as a table, with what it rests on, and the command."""
    expected, rates, layout, training = shown.expected, shown.rates, shown.expected.layout, shown.training
    table = Table(title=f"Plan for {shown.name} on this machine", title_justify="left", show_header=False)
    memory = f"{show_bytes(expected.memory_bytes)} of {show_bytes(expected.device_memory_bytes)}"
    duration = expected.duration_s
    rows = [
        ("machine", _machine(rates, expected)),
        ("matrix products", f"{_rate(rates.model_matmul_flops)} per process in {rates.compute_type}"),
        ("element-wise", f"{rates.memory_bandwidth_bytes_per_s / 1e9:.1f} GB/s per process"),
        ("between processes", f"{rates.link_bytes_per_s / 1e9:.2f} GB/s"),
        ("model", f"{format_count(expected.parameters)} parameters"),
        ("tokens", f"{expected.tokens:,} in {expected.steps:,} steps of {expected.tokens_per_step:,}"),
        ("layout", f"fully sharded over {layout.data}, recomputation {layout.recomputation}"),
        ("a step of a process", f"{layout.micro_batches} x {layout.micro_batch} sequences"),
        ("step", _parts(expected.step_parts_s, 1e3, "ms")),
        ("memory per process", f"{memory}: {_shares(expected.memory_parts_bytes, 1e-6)} MB"),
        (
            "duration",
            f"{show_duration(duration.best)} (80%: {show_duration(duration.low)} to {show_duration(duration.high)})",
        ),
    ]
    if training is not None:
        rows.append(("learning rate", f"{training.optimization.learning_rate:.3g}, {training.optimization.schedule}"))
        rows.append(("checkpoints", f"every {training.checkpoint_every:,} steps, {training.keep_checkpoints} kept"))
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if expected.steps < expected.steps_asked:
        console.print(f"{expected.steps:,} of {expected.steps_asked:,} steps: as many as the plan fits into --seconds.")
    if expected.compute_type == "fp32":
        console.print("This machine computes faster in fp32 than in bf16, so it does; the plan counts bytes of bf16.")
    console.print(f"Folder: {shown.directory.path}", soft_wrap=True, markup=False)
    console.print(f"Command: {shlex.join(shown.command)}", soft_wrap=True, markup=False)


def _machine(rates: Rates, expected: Expectation) -> str:
    what = "accelerators" if expected.device == "cuda" else "processes"
    return f"{rates.cores} cores, {rates.memory_bytes / 1e9:.1f} GB, {expected.layout.devices} {what}"


def _rate(flops: float) -> str:
    return f"{flops / 1e12:.0f} TFLOP/s" if flops >= 1e12 else f"{flops / 1e9:.0f} GFLOP/s"


def _parts(parts: Mapping[str, float], factor: float, unit: str) -> str:
    return f"{sum(parts.values()) * factor:,.0f} {unit}: {_shares(parts, factor)}"


def _shares(parts: Mapping[str, float], factor: float) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value * factor:,.0f}" for name, value in parts.items() if value)
