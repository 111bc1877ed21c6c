"""``stellwerk match``: where a workload can run."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.padding import Padding

from stellwerk.broker import (
    NO_WAITS,
    Cost,
    JudgedOffer,
    LeadOn,
    LeadOnIndex,
    Match,
    Verdict,
    basis_of,
    draft_application,
    draft_as_markdown,
    match,
    match_as_dict,
    read_waits,
    render_match_page,
    task_of,
)
from stellwerk.catalog import load_catalogue
from stellwerk.cli.calibrations import calibration_option, calibrations_in
from stellwerk.cli.match_needs import refuse_if_unwritable, register_need
from stellwerk.cli.match_options import MAX_DAYS, OPTIONS, draft_from_options
from stellwerk.cli.mistakes import naming_file, naming_options
from stellwerk.cli.output import console, print_json, show_interval, today
from stellwerk.cli.positive import PositiveNumber
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.messages import LANGUAGES, Language, render, text
from stellwerk.planner import ServingPlan
from stellwerk.units import JOULES_PER_MWH, KG_PER_T, SECONDS_PER_DAY, Interval
from stellwerk.workload import (
    Draft,
    draft_as_toml,
    filled_in_lines,
    read_workload,
    words,
)

OFFERS_SHOWN: dict[Verdict, int] = {"possible": 40, "unknown": 40, "impossible": 20}


@click.command(name="match")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--model", help="Instead of FILE: a published model (`stellwerk workload models`).")
@click.option("--tokens", help="With --model: train it from scratch on so much text seen in all, such as 300B.")
@click.option("--finetune", help="With --model and --tokens: train it on instead: full, lora or qlora.")
@click.option("--serve", is_flag=True, help="With --model and --users: let it answer requests.")
@click.option("--as", "applicant", help="With --model: kind[:country or state] or role@domain, such as academia:DE-SN.")
@click.option("--sequence-length", type=int, help="With --tokens: tokens per sequence.")
@click.option("--batch-tokens", help="With --tokens: tokens per optimizer step, such as 4M.")
@click.option("--precision", help="With --tokens: bf16, fp16, fp8, mxfp8 or nvfp4.")
@click.option("--users", type=int, help="With --serve: people who may use it.")
@click.option("--concurrent-requests", type=int, help="With --serve: requests answered at once at the busiest time.")
@click.option(
    "--days",
    type=PositiveNumber(MAX_DAYS),
    help="With --model: longest time the computation may take; with --serve: how long the service runs.",
)
@click.option("--deadline", help='With --model: when it must be ready, such as "2027-06-30 18:00 Europe/Berlin".')
@click.option("--budget", help='With --model: what you can pay, such as "500000 EUR".')
@click.option("--sensitivity", help="With --model: public, confidential, personal or sensitive_personal data.")
@click.option("--data-in", "locations", multiple=True, help="With --model: a country (or EU) the data may be in.")
@click.option("--certificate", "certificates", multiple=True, help="With --model: that the operator must hold.")
@click.option("--save", type=click.Path(path_type=Path), help="With --model: write the same as a new workload file.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day to answer for; default: the file's, or today."
)
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@click.option("--html", "html", type=click.Path(path_type=Path), help="Write the answer as one self-contained page.")
@click.option("--all", "show_all", is_flag=True, help="Print every offer.")
@calibration_option
@click.option("--catalogue", type=click.Path(path_type=Path), help="Local data to lay over the catalogue.")
@click.option("--waits", type=click.Path(path_type=Path), help="A file of waiting times in the queue (docs/waits.md).")
@click.option("--draft", "programme", help="Print the technical part of an application (docs/application-drafts.md).")
@click.option("--register-need", "needs", type=click.Path(path_type=Path), help="Append the need (docs/needs.md).")
def command(
    file: Path | None,
    save: Path | None,
    as_of: datetime.datetime | None,
    language: Language,
    as_json: bool,
    html: Path | None,
    show_all: bool,
    calibrations: tuple[Path, ...],
    catalogue: Path | None,
    waits: Path | None,
    needs: Path | None,
    programme: str | None,
    **asked: Any,
) -> None:
    """Judge every offer of the catalogue for the workload in FILE, and rank them.

    Instead of FILE: --model, --tokens (or --serve and --users) and --as; what else they leave open is filled in and
    listed.
    """
    if file is not None and (save is not None or any(_was_given(value) for value in asked.values())):
        raise click.UsageError("FILE says everything itself: give either FILE, or --model with its options")
    if needs is not None:
        refuse_if_unwritable(needs)
    draft = None
    if file is not None:
        workload = read_workload(file)
    else:
        draft = draft_from_options(**asked)
        workload = draft.workload
        _show_draft(draft, save, language, aside=as_json or programme is not None)
    day = as_of.date() if as_of else workload.as_of or today()
    known = load_catalogue(overlay=catalogue)
    found = calibrations_in(calibrations, known)
    queues = read_waits(waits, known.systems) if waits else NO_WAITS
    with naming_options(OPTIONS) if file is None else naming_file(file):
        answer = match(workload, known, day, waits=queues, calibrations=found)
    drafted = "" if programme is None else draft_as_markdown(draft_application(answer, programme), answer, language)
    if html is not None:
        write_whole(html, render_match_page(answer, language).encode())
    if needs is not None:  # last, for whoever mends a mistake asks again
        register_need(needs, answer, language)
    if as_json:
        filled_in = {"filled_in": [asdict(one) for one in draft.filled_in]} if draft else {}
        print_json(match_as_dict(answer, language) | filled_in)
        return
    if programme is not None:
        click.echo(drafted, nl=False)
        return
    _print(answer, language, show_all=show_all)
    if html is not None:
        console.print()
        console.print(text("match.page_written", language, path=str(html)))


def _was_given(value: object) -> bool:
    return value is not False and value not in (None, ())  # 0 was given, and equals False


def _show_draft(draft: Draft, save: Path | None, language: Language, *, aside: bool) -> None:
    """Lists what was filled in (``aside``: on standard error) and writes the file that says the same."""
    click.echo(words("filled", language)["heading"], err=aside)
    for line in filled_in_lines(draft, language):
        click.echo(f"  {line}", err=aside)
    if save is not None:
        if save.exists():
            raise InputError(
                "is there already and is not replaced", key="--save", value=str(save), allowed="a new file"
            )
        write_whole(save, draft_as_toml(draft, language).encode())
        click.echo(words("questions", language)["written"].format(file=save), err=aside)
    click.echo(err=aside)


def _print(answer: Match, language: Language, *, show_all: bool) -> None:
    workload = answer.workload
    console.print(
        text(
            "match.heading",
            language,
            name=workload.name,
            task=task_of(workload, language),
            as_of=answer.as_of.isoformat(),
        ),
        style="bold",
    )
    console.print(text("match.counts", language, total=len(answer.offers), **answer.counts()))
    console.print(text("match.interval_note", language))
    for reason in basis_of(workload):
        console.print(render(reason, language))
    index = LeadOnIndex(answer.catalogue, workload)
    ranked = list(enumerate(answer.offers, start=1))
    for verdict, most in OFFERS_SHOWN.items():
        section = [(rank, judged) for rank, judged in ranked if judged.verdict == verdict]
        shown = section if show_all else section[:most]
        console.print()
        console.print(text(f"match.section_{verdict}", language, count=len(section)), style="bold")
        for rank, judged in shown:
            _print_offer(rank, judged, answer, language)
            if verdict == "possible":
                _print_leads(index.of(judged.offer), language)
        if len(shown) < len(section):
            console.print(text("match.more", language, more=len(section) - len(shown)), style="italic")


def _print_offer(rank: int, judged: JudgedOffer, answer: Match, language: Language) -> None:
    """One offer: its id, its numbers, and the findings that decide (for a possible one, what has to be known)."""
    mark = f"  ★ {text('page.on_front', language)}" if judged.offer.id in answer.front else ""
    console.print(f"{rank:>4}  {judged.offer.id}{mark}", style="cyan")
    numbers = _numbers(judged, answer.currency, language)
    if numbers:
        console.print(Padding(" · ".join(numbers), (0, 0, 0, 6)))
    deciding = {"possible": "note", "unknown": "unknown", "impossible": "impossible"}[judged.verdict]
    for finding in judged.findings:
        if finding.effect == deciding:
            console.print(Padding(f"– {render(finding.reason, language)}", (0, 0, 0, 6)))


def _print_leads(found: LeadOn, language: Language) -> None:
    """Who helps, which courses there are and which software, by their ids."""
    named = {
        "help": found.support,
        "courses": found.courses,
        "software": (found.software,) if found.software else (),
        "generic_software": found.generic_software,
    }
    parts = [
        f"{text(f'match.{key}', language)}: {', '.join(one.id for one in those)}"
        for key, those in named.items()
        if those
    ]
    if parts:
        console.print(Padding(" · ".join(parts), (0, 0, 0, 6)))


def _numbers(judged: JudgedOffer, currency: str, language: Language) -> list[str]:
    plan = judged.plan
    if plan is None:
        return []
    quantities = {
        "gpus": Interval.exactly(plan.devices),
        "gpu_hours": plan.device_hours,
        "days": plan.duration_s * (1 / SECONDS_PER_DAY),
    }
    if plan.energy_j is not None:
        quantities["energy"] = plan.energy_j * (1 / JOULES_PER_MWH)
    if judged.co2_kg is not None:
        quantities["co2"] = judged.co2_kg * (1 / KG_PER_T)
    shown = [f"{show_interval(value, language)} {text(f'match.{key}', language)}" for key, value in quantities.items()]
    return [*shown, _cost(judged.cost, currency, language), *_finish(judged, language)]


def _cost(cost: Cost | None, currency: str, language: Language) -> str:
    if cost is None:
        return text("match.cost_unknown", language)
    if cost.converted is None:
        return f"{show_interval(cost.amount, language)} {cost.currency}"
    return f"{show_interval(cost.converted, language)} {currency}"


def _finish(judged: JudgedOffer, language: Language) -> Iterator[str]:
    """The day it is done (a service: ready), and what that leaves out."""
    finish = judged.finish
    if finish is None:
        return
    done = "ready" if isinstance(judged.plan, ServingPlan) else "done"
    if not finish.unknown:
        yield text(f"match.{done}", language, day=finish.day.isoformat())
        return
    parts = ", ".join(text(f"part.{name}", language) for name in finish.unknown)
    yield text(f"match.{done}_at_the_earliest", language, day=finish.day.isoformat(), parts=parts)
