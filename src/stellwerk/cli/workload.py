"""``stellwerk workload``: is the file right, and what follows from it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from stellwerk import __version__
from stellwerk.cli.output import console, print_json
from stellwerk.cli.task import headline, training_lines
from stellwerk.units import SECONDS_PER_DAY
from stellwerk.workload import (
    PublishedModel,
    Serving,
    Workload,
    count_parameters,
    flops_per_token,
    published_model_as_dict,
    published_models,
    read_workload,
    training_flops_per_token,
    workload_as_dict,
)

JSON_SCHEMA = 1


@click.group(name="workload")
def command() -> None:
    """Check a workload file and show what follows from it."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say whether FILE can be read; list every mistake in it."""
    workload = read_workload(file)
    click.echo(f"{file}: no mistakes; {headline(workload)}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(file: Path, as_json: bool) -> None:
    """Parameters by part of the workload in FILE; of a training FLOPs, steps and totals, of a service the load."""
    workload = read_workload(file)
    if as_json:
        print_json(_envelope() | workload_as_dict(workload))
        return
    console.print(headline(workload), style="bold")
    console.print(_parameter_table(workload))
    if isinstance(workload.task, Serving):
        console.print(_serving_table(workload, workload.task))
        return
    console.print(_flops_table(workload))
    console.print(_training_table(workload))


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, with the sources.")
def models(as_json: bool) -> None:
    """Published models that a workload can name, with the parameter count that is stated for each."""
    known = published_models().values()
    if as_json:
        rows = [published_model_as_dict(model) for model in known]
        print_json(_envelope() | {"models": rows})
        return
    table = Table(
        caption="stated: by the source, ~ where it rounds; counted: from the architecture, exact or off by so much; "
        "--json gives every architecture and the full address of every source",
        caption_justify="left",
    )
    table.add_column("name", no_wrap=True)
    table.add_column("stated", justify="right", no_wrap=True)
    table.add_column("counted", justify="right", no_wrap=True)
    table.add_column("evidence", no_wrap=True)
    table.add_column("source", overflow="ellipsis")
    for model in known:
        table.add_row(*_model_row(model))
    console.print(table)


def _envelope() -> dict[str, object]:
    return {"schema": JSON_SCHEMA, "stellwerk": __version__}


def _parameter_table(workload: Workload) -> Table:
    parameters = count_parameters(workload.architecture)
    table = _parts_table("parameters")
    for part, count in asdict(parameters).items():
        table.add_row(_label(part), f"{count:,}", f"{count / parameters.total:.1%}")
    table.add_section()
    for label, count in (
        ("non-embedding", parameters.non_embedding),
        ("active per token", parameters.active),
        ("total", parameters.total),
    ):
        table.add_row(label, f"{count:,}", f"{count / parameters.total:.1%}")
    return table


def _flops_table(workload: Workload) -> Table:
    flops = flops_per_token(workload.architecture, workload.training.sequence_length)
    table = _parts_table("GFLOP per token")
    for part, count in asdict(flops).items():
        table.add_row(_label(part), f"{count / 1e9:,.3f}", f"{count / flops.forward:.1%}")
    table.add_section()
    table.add_row("forward", f"{flops.forward / 1e9:,.3f}", "100.0%")
    training = training_flops_per_token(workload.architecture, workload.training)
    table.add_row("training (forward and backward)", f"{training / 1e9:,.3f}", "")
    return table


def _training_table(workload: Workload) -> Table:
    training = workload.training
    flops = training_flops_per_token(workload.architecture, training) * training.tokens
    table = Table("training" if training.method == "pretraining" else "fine-tuning", "")
    table.add_row("tokens", f"{training.tokens:,}")
    table.add_row("sequence length", f"{training.sequence_length:,}")
    table.add_row(
        "global batch", f"{training.global_batch_sequences:,} sequences = {training.tokens_per_step:,} tokens"
    )
    table.add_row("steps", f"{training.steps:,}")
    table.add_row("precision", training.precision)
    table.add_row("optimizer", training.optimizer)
    table.add_row("total", f"{flops:.3e} FLOP")
    for line in training_lines(workload):
        label, _, what = line.partition(": ")
        table.add_row(label.lower(), what)
    _add_limits(table, workload)
    return table


def _serving_table(workload: Workload, serving: Serving) -> Table:
    table = Table("serving", "")
    table.add_row("weights", serving.weights)
    table.add_row("users", f"{serving.users:,}")
    table.add_row("requests at once", f"{serving.concurrent_requests:,}")
    table.add_row("a request", f"{serving.prompt_tokens:,} tokens")
    table.add_row("an answer", f"{serving.output_tokens:,} tokens")
    table.add_row("speed of an answer", f"at least {serving.tokens_per_s:g} tokens/s")
    table.add_row("first token", f"within {serving.first_token_s:g} s")
    table.add_row("runs", f"{serving.duration_s / SECONDS_PER_DAY:g} days")
    _add_limits(table, workload)
    return table


def _add_limits(table: Table, workload: Workload) -> None:
    limits, applicant = workload.limits, workload.applicant
    table.add_section()
    table.add_row("time limit", f"{limits.duration_s / SECONDS_PER_DAY:g} days" if limits.duration_s else "none")
    table.add_row("deadline", limits.deadline.isoformat() if limits.deadline else "none")
    table.add_row("budget", f"{limits.budget.amount:,} {limits.budget.currency}" if limits.budget else "none")
    table.add_row("applicant", f"{_label(applicant.kind)}, {applicant.state or applicant.country}")


def _parts_table(unit: str) -> Table:
    table = Table("part")
    table.add_column(unit, justify="right")
    table.add_column("share", justify="right")
    return table


def _model_row(model: PublishedModel) -> tuple[str, ...]:
    source = model.parameters.source
    difference = count_parameters(model.architecture).total / model.parameters.value - 1
    return (
        model.name,
        f"{'~' if model.rounded_to > 1 else ''}{model.parameters.value:,}",
        f"{difference:+.2%}" if difference else "exact",
        source.evidence,
        _short_address(source.urls[0]) if source.urls else "",
    )


def _short_address(url: str) -> str:
    """Host and repository or page, without the path to the very line."""
    return "/".join(url.removeprefix("https://").split("/")[:3])


def _label(name: str) -> str:
    return name.replace("_", " ")
