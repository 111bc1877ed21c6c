"""``stellwerk explain``: where the time of a step goes, and why this layout won."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Column, Table

from stellwerk.broker import (
    Explanation,
    alternative_reason,
    basis_of,
    explain,
    explanation_as_dict,
    instance_rate,
    plan_on,
    waterfall_picture,
)
from stellwerk.broker.explain_picture import percent, seconds_decimals
from stellwerk.catalog import load_catalogue
from stellwerk.charts import format_number, svg_document
from stellwerk.cli.calibrations import calibration_option, calibrations_in
from stellwerk.cli.mistakes import naming_file
from stellwerk.cli.output import console, print_json, show_interval, today
from stellwerk.cli.target import offer_at
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.messages import LANGUAGES, Language, render, text
from stellwerk.planner import ServingPlan, layout_in_short
from stellwerk.units import JOULES_PER_MWH, SECONDS_PER_DAY
from stellwerk.workload import read_workload


@click.command(name="explain")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--on", "target", required=True, help="Id of a system or product of the catalogue.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
@click.option("--picture", type=click.Path(path_type=Path), help="Write the waterfall as an SVG file with its table.")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@calibration_option
@click.option("--catalogue", type=click.Path(path_type=Path), help="Local data to lay over the catalogue.")
def command(
    file: Path,
    target: str,
    as_json: bool,
    picture: Path | None,
    language: Language,
    calibrations: tuple[Path, ...],
    catalogue: Path | None,
) -> None:
    """Where the time of a training step of the workload in FILE goes on one offer, and why this layout won."""
    if picture is not None and picture.suffix != ".svg":
        raise InputError("is no SVG file", key="--picture", value=str(picture), allowed="a name that ends in .svg")
    known = load_catalogue(overlay=catalogue)
    workload = read_workload(file)
    offer = offer_at(known, target)
    as_of = workload.as_of or today()
    found = calibrations_in(calibrations, known, only=target)
    with naming_file(file):
        plan, findings = plan_on(workload, offer, known, as_of, calibrations=found)
    if plan is None:
        raise InputError(" ".join(render(finding.reason, language) for finding in findings), key="--on", value=target)
    if isinstance(plan, ServingPlan):
        raise InputError("serves a model; only the steps of a training are explained", file=file, key="serving")
    explanation = explain(workload, plan, instance_rate(offer, plan, as_of))
    if picture is not None:
        write_whole(picture, svg_document([waterfall_picture(explanation, language)], language).encode())
        click.echo(text("explain.picture_written", language, path=str(picture)), err=True)
    if as_json:
        print_json(explanation_as_dict(explanation, as_of, known.hash, language))
        return
    console.print(f"{plan.machine.name}: {plan.devices} GPUs, {layout_in_short(plan.layout)}", style="bold")
    _print_waterfall(explanation, language)
    _print_front(explanation, language)
    _print_alternatives(explanation, language)
    for reason in (*basis_of(workload), *(finding.reason for finding in findings)):
        console.print(f"- {render(reason, language)}")


def _print_waterfall(explanation: Explanation, language: Language) -> None:
    plan = explanation.plan
    step_s = plan.step_time_s.best
    decimals = seconds_decimals(step_s)
    table = Table(
        text("explain.term", language),
        *(Column(text(f"explain.{key}", language), justify="right") for key in ("added", "reached", "share", "mfu")),
        text("explain.page", language),
        title=text("explain.waterfall", language),
        title_justify="left",
    )
    for term in explanation.terms:
        if term.added_s:
            table.add_row(
                text(f"step.{term.name}", language),
                format_number(term.added_s, language, decimals),
                format_number(term.reached_s, language, decimals),
                percent(term.added_s / step_s, language),
                percent(term.mfu, language),
                term.page.rpartition("/")[2].removesuffix(".md"),
            )
    table.add_section()
    shown = format_number(step_s, language, decimals)
    predicted = text("step.predicted", language)
    table.add_row(predicted, "", shown, percent(1.0, language), percent(plan.mfu.best, language), "step-time")
    console.print(table)
    absent = [text(f"step.{term.name}", language) for term in explanation.terms if not term.added_s]
    if absent:
        console.print(text("explain.not_in_layout", language, terms=", ".join(absent)))
    seconds = show_interval(plan.step_time_s, language)
    mfu = f"{show_interval(plan.mfu * 100, language)}{' ' if language == 'de' else ''}%"
    console.print(text("explain.predicted", language, seconds=seconds, mfu=mfu))
    console.print(text("explain.pages_note", language))


def _print_front(explanation: Explanation, language: Language) -> None:
    rate = explanation.rate
    columns = ["gpus", "days", "gpu_hours", "energy"]
    headings = [text(f"explain.{key}", language) for key in columns]
    if rate is not None:
        headings.append(text("explain.cost", language, currency=rate.currency))
    table = Table(
        "",
        *(Column(heading, justify="right") for heading in headings),
        text("explain.layout", language),
        title=text("explain.front", language),
        title_justify="left",
    )
    for plan in explanation.front:
        energy = None if plan.energy_j is None else plan.energy_j.best / JOULES_PER_MWH
        values: list[float | None] = [plan.duration_s.best / SECONDS_PER_DAY, plan.device_hours.best, energy]
        if rate is not None:
            values.append(rate.cost(plan).best)
        table.add_row(
            "★" if plan.devices == explanation.plan.devices else "",
            format_number(plan.devices, language),
            *("–" if value is None else _number(value, language) for value in values),
            layout_in_short(plan.layout),
        )
    console.print(table)
    console.print(text("explain.front_note", language))
    if rate is not None:
        amount = format_number(rate.amount, language, 2)
        console.print(text("explain.rate_note", language, amount=amount, currency=rate.currency))


def _number(value: float, language: Language) -> str:
    return format_number(float(f"{value:.3g}"), language, 0 if value >= 100 else 1 if value >= 10 else 2)


def _print_alternatives(explanation: Explanation, language: Language) -> None:
    if not explanation.alternatives:
        console.print(text("explain.no_alternatives", language))
        return
    console.print(text("explain.alternatives", language), style="bold")
    for one in explanation.alternatives:
        console.print(f"- {render(alternative_reason(one, explanation.plan), language)}")
