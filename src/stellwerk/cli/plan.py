"""``stellwerk plan``: what a workload needs on one system or product."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
from rich.table import Column, Table

from stellwerk.broker import (
    Offer,
    alternative_reason,
    basis_of,
    explain,
    goodput_as_dict,
    instance_rate,
    plan_as_dict,
    plan_on,
    reasons_for_plan,
)
from stellwerk.catalog import load_catalogue
from stellwerk.cli.calibrations import calibration_option, calibrations_in
from stellwerk.cli.device_range import DeviceRange
from stellwerk.cli.duration import Duration
from stellwerk.cli.mistakes import naming_file
from stellwerk.cli.output import console, print_json, show_interval, today
from stellwerk.cli.plan_goodput import print_goodput
from stellwerk.cli.plan_largest import print_largest
from stellwerk.cli.plan_scan import print_scan
from stellwerk.cli.positive import PositiveNumber
from stellwerk.cli.target import offer_at
from stellwerk.cli.task import training_lines
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.launch.emit import PROGRAMS
from stellwerk.launch.emit import emit as configuration
from stellwerk.messages import Reason, render, text
from stellwerk.planner import (
    TOKENS_PER_PARAMETER,
    CheckpointKind,
    Plan,
    ServingPlan,
    goodput_of,
    layout_in_words,
    nearest_alternatives,
)
from stellwerk.units import JOULES_PER_MWH, SECONDS_PER_DAY, SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload, read_workload


@click.command(name="plan")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--on", "target", required=True, help="Id of a system or product of the catalogue.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option(
    "--checkpoints",
    type=click.Choice(["blocking", "asynchronous"]),
    default="blocking",
    show_default=True,
    help="Whether the training waits until a checkpoint is written.",
)
@click.option(
    "--scan-gpus",
    "scan",
    type=DeviceRange(),
    help="Show the fastest layout of every number of GPUs in a range, such as 8..4096, the global batch kept.",
)
@click.option("--picture", type=click.Path(path_type=Path), help="With --scan-gpus: a new SVG file for the two curves.")
@click.option(
    "--largest-in",
    "largest_in_s",
    type=Duration(),
    help="Show the largest compute-optimal model that is trained in this time, such as 30d; of the family of FILE.",
)
@click.option(
    "--share", type=PositiveNumber(most=1.0), help="With --largest-in: of the machine, above 0 to 1.  [default: 1]"
)
@click.option(
    "--tokens-per-parameter",
    type=PositiveNumber(),
    help=f"With --largest-in: how many tokens the model sees.  [default: {TOKENS_PER_PARAMETER:g}]",
)
@click.option("--emit", type=click.Choice(list(PROGRAMS)), help="Write the layout as this program's configuration.")
@click.option("--emit-to", type=click.Path(path_type=Path), help="A new file for it; otherwise it is printed.")
@calibration_option
@click.option("--catalogue", type=click.Path(path_type=Path), help="Local data to lay over the catalogue.")
def command(
    file: Path | None,
    target: str,
    as_json: bool,
    checkpoints: CheckpointKind,
    scan: tuple[int, int] | None,
    picture: Path | None,
    largest_in_s: float | None,
    share: float | None,
    tokens_per_parameter: float | None,
    emit: str | None,
    emit_to: Path | None,
    calibrations: tuple[Path, ...],
    catalogue: Path | None,
) -> None:
    """Memory, layout or replicas, time by part and energy of the workload in FILE on one offer.

    A training is also shown with what failures and checkpoints cost it. With --scan-gpus: how it gets faster on more
    GPUs, with speed-up, efficiency, energy and cost. With --largest-in: the largest model for a time; FILE may then be
    left out, and the family is that of Llama 3.
    """
    _check_emitting(emit, emit_to, as_json)
    _check_questions(scan, picture, largest_in_s, share, tokens_per_parameter, emit)
    known = load_catalogue(overlay=catalogue)
    workload = None if file is None else read_workload(file)
    offer = offer_at(known, target)
    found = calibrations_in(calibrations, known, only=target)
    if largest_in_s is not None:
        tokens = TOKENS_PER_PARAMETER if tokens_per_parameter is None else tokens_per_parameter
        part = 1.0 if share is None else share
        with naming_file(file or Path()):
            print_largest(workload, offer, known, largest_in_s, part, tokens, found, as_json=as_json)
        return
    if workload is None or file is None:
        raise InputError("is missing", key="FILE", allowed="a workload file; only --largest-in goes without one")
    if scan is not None:
        with naming_file(file):
            print_scan(workload, offer, known, scan, picture, found, as_json=as_json)
        return
    with naming_file(file):
        plan, findings = plan_on(workload, offer, known, workload.as_of or today(), calibrations=found)
    if plan is None:
        raise InputError(" ".join(render(finding.reason, "en") for finding in findings), key="--on", value=target)
    if emit is not None:
        _emit(emit, workload, plan, emit_to)
        return
    if isinstance(plan, ServingPlan):
        if as_json:
            print_json(plan_as_dict(plan))
            return
        _print_service(plan)
        notes = []
    else:
        goodput = goodput_of(plan, workload.architecture, workload.training, kind=checkpoints)
        if as_json:
            print_json(_as_dict(plan, workload, offer) | {"goodput": goodput_as_dict(goodput)})
            return
        _print_training(plan, workload)
        _print_alternatives(plan, workload)
        print_goodput(goodput)
        notes = [Reason("goodput_elsewhere")]
    for reason in (*basis_of(workload), *(finding.reason for finding in findings), *notes):
        console.print(f"- {render(reason, 'en')}")


def _check_questions(
    scan: tuple[int, int] | None,
    picture: Path | None,
    largest_in_s: float | None,
    share: float | None,
    tokens_per_parameter: float | None,
    emit: str | None,
) -> None:
    """Each option beside the question that it belongs to, and one question at a time."""
    if scan is not None and largest_in_s is not None:
        raise InputError("is a question of its own", key="--largest-in", allowed="one of --scan-gpus and --largest-in")
    if emit is not None and (scan is not None or largest_in_s is not None):
        raise InputError(
            "configures one plan", key="--emit", value=emit, allowed="without --scan-gpus and --largest-in"
        )
    if picture is not None and scan is None:
        raise InputError("draws a scan", key="--picture", value=str(picture), allowed="together with --scan-gpus")
    if picture is not None and picture.suffix != ".svg":
        raise InputError("is no SVG file", key="--picture", value=str(picture), allowed="a name that ends in .svg")
    for option, value in (("--share", share), ("--tokens-per-parameter", tokens_per_parameter)):
        if value is not None and largest_in_s is None:
            raise InputError("asks about a time", key=option, value=value, allowed="together with --largest-in")


def _check_emitting(emit: str | None, emit_to: Path | None, as_json: bool) -> None:
    if emit_to is not None and emit is None:
        raise InputError("needs a program to emit for", key="--emit", allowed=list(PROGRAMS))
    if emit is not None and as_json:
        raise InputError("goes without --json: a configuration has its program's own form", key="--emit", value=emit)
    if emit_to is not None and emit_to.exists():
        raise InputError(
            "exists, and may have been filled in", key="--emit-to", value=str(emit_to), allowed="a new file"
        )


def _emit(program: str, workload: Workload, plan: Plan | ServingPlan, to: Path | None) -> None:
    """The configuration goes to ``to`` or is printed; what it cannot express goes to stderr."""
    if isinstance(plan, ServingPlan):
        raise InputError("configures a training, and this workload serves a model", key="--emit", value=program)
    emitted = configuration(program, workload, plan)
    if to is None:
        click.echo(emitted.text, nl=False)
    else:
        write_whole(to, emitted.text.encode(), mode=0o755 if emitted.text.startswith("#!") else 0o644)
        click.echo(f"Written: {to}", err=True)
    for sentence in emitted.unsaid:
        click.echo(f"- {sentence}", err=True)


def _as_dict(plan: Plan | ServingPlan, workload: Workload, offer: Offer) -> dict[str, Any]:
    if isinstance(plan, ServingPlan):
        return plan_as_dict(plan)
    rate = instance_rate(offer, plan, workload.as_of or today())
    return plan_as_dict(plan) | reasons_for_plan(explain(workload, plan, rate), "en")


def _print_training(plan: Plan, workload: Workload) -> None:
    console.print(
        f"{plan.machine.name}: {plan.devices} devices = {layout_in_words(plan.layout)}",
        style="bold",
    )
    for line in training_lines(workload):
        console.print(line)
    _print_totals(
        plan,
        ("Step time, s", plan.step_time_s, 1.0),
        ("MFU, %", plan.mfu, 100.0),
        ("Tokens/s", plan.tokens_per_s, 1.0),
    )
    _print_memory(plan)
    step = Table("Step time", Column("s", justify="right"), Column("share", justify="right"))
    total = sum(plan.step_parts_s.values())
    for name, value in plan.step_parts_s.items():
        step.add_row(name.replace("_", " "), f"{value:.3f}", f"{value / total:.0%}")
    console.print(step)


def _print_alternatives(plan: Plan, workload: Workload) -> None:
    alternatives = nearest_alternatives(workload, plan)
    if alternatives:
        console.print(text("explain.alternatives", "en"), style="bold")
    for one in alternatives:
        console.print(f"- {render(alternative_reason(one, plan), 'en')}")


def _print_service(plan: ServingPlan) -> None:
    console.print(
        f"{plan.machine.name}: {plan.devices} devices = tensor {plan.tensor} x replicas {plan.replicas}, "
        f"{plan.batch} requests in flight in each",
        style="bold",
    )
    _print_totals(
        plan,
        ("Devices needed", plan.devices_needed, 1.0),
        ("Tokens/s of an answer", plan.time_per_token_s.reciprocal(), 1.0),
        ("First token, s", plan.first_token_s, 1.0),
        ("Tokens/s of the service", plan.tokens_per_s, 1.0),
    )
    _print_memory(plan)


def _print_totals(plan: Plan | ServingPlan, *own: tuple[str, Interval, float]) -> None:
    totals = Table("Total", Column("Estimate (80% interval)", justify="right"))
    short = plan.duration_s.best < 2 * SECONDS_PER_DAY
    shared = (
        ("Hours", plan.duration_s, 1 / SECONDS_PER_HOUR) if short else ("Days", plan.duration_s, 1 / SECONDS_PER_DAY),
        ("GPU-hours", plan.device_hours, 1.0),
        ("Energy, MWh", plan.energy_j, 1 / JOULES_PER_MWH),
    )
    for label, interval, factor in (*own, *shared):
        totals.add_row(label, "unknown" if interval is None else _shown(interval * factor))
    console.print(totals)


def _shown(interval: Interval) -> str:
    if math.isfinite(interval.high):
        return show_interval(interval, "en")
    low, best = (show_interval(Interval.exactly(bound).rounded(3), "en") for bound in (interval.low, interval.best))
    return f"{best} ({low} and more)"


def _print_memory(plan: Plan | ServingPlan) -> None:
    memory = Table("Memory per device", Column("GB", justify="right"))
    for name, value in plan.memory_parts_bytes.items():
        memory.add_row(name.replace("_", " "), f"{value / 1e9:.1f}")
    memory.add_section()
    memory.add_row("sum", f"{plan.memory_bytes / 1e9:.1f} of {plan.machine.memory_bytes / 1e9:.0f}")
    console.print(memory)
