"""``stellwerk match``: where a workload can run."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import click
from rich.padding import Padding

from stellwerk.broker import JudgedOffer, Match, Verdict, match, match_as_dict, render_match_page
from stellwerk.catalog import load_catalogue
from stellwerk.cli.output import console, show_interval, today
from stellwerk.files import write_whole
from stellwerk.messages import LANGUAGES, Language, count_text, render, text
from stellwerk.units import JOULES_PER_MWH, SECONDS_PER_DAY, Interval
from stellwerk.workload import count_parameters, read_workload

OFFERS_SHOWN: dict[Verdict, int] = {"possible": 40, "unknown": 40, "impossible": 20}


@click.command(name="match")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day to answer for; default: the file's, or today."
)
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@click.option("--html", "html", type=click.Path(path_type=Path), help="Write the answer as one self-contained page.")
@click.option("--all", "show_all", is_flag=True, help="Print every offer.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="A directory to read instead of the catalogue.")
def command(
    file: Path,
    as_of: datetime.datetime | None,
    language: Language,
    as_json: bool,
    html: Path | None,
    show_all: bool,
    catalogue: Path | None,
) -> None:
    """Judge every offer of the catalogue for the workload in FILE, and rank them."""
    workload = read_workload(file)
    day = as_of.date() if as_of else workload.as_of or today()
    answer = match(workload, load_catalogue(catalogue), day)
    if html is not None:
        write_whole(html, render_match_page(answer, language).encode())
    if as_json:
        click.echo(json.dumps(match_as_dict(answer, language), ensure_ascii=False, indent=1))
        return
    _print(answer, language, show_all=show_all)
    if html is not None:
        console.print()
        console.print(text("match.page_written", language, path=str(html)))


def _print(answer: Match, language: Language, *, show_all: bool) -> None:
    workload = answer.workload
    console.print(
        text(
            "match.heading",
            language,
            name=workload.name,
            parameters=count_text(count_parameters(workload.architecture).total, language),
            tokens=count_text(workload.training.tokens, language),
            as_of=answer.as_of.isoformat(),
        ),
        style="bold",
    )
    console.print(text("match.counts", language, total=len(answer.offers), **answer.counts()))
    console.print(text("match.interval_note", language))
    ranked = list(enumerate(answer.offers, start=1))
    for verdict, most in OFFERS_SHOWN.items():
        section = [(rank, judged) for rank, judged in ranked if judged.verdict == verdict]
        shown = section if show_all else section[:most]
        console.print()
        console.print(text(f"match.section_{verdict}", language, count=len(section)), style="bold")
        for rank, judged in shown:
            _print_offer(rank, judged, language)
        if len(shown) < len(section):
            console.print(text("match.more", language, more=len(section) - len(shown)), style="italic")


def _print_offer(rank: int, judged: JudgedOffer, language: Language) -> None:
    """One offer: its id, its numbers, and the findings that decide (for a possible one, what has to be known)."""
    console.print(f"{rank:>4}  {judged.offer.id}", style="cyan")
    numbers = _numbers(judged, language)
    if numbers:
        console.print(Padding(" · ".join(numbers), (0, 0, 0, 6)))
    deciding = {"possible": "note", "unknown": "unknown", "impossible": "impossible"}[judged.verdict]
    for finding in judged.findings:
        if finding.effect == deciding:
            console.print(Padding(f"– {render(finding.reason, language)}", (0, 0, 0, 6)))


def _numbers(judged: JudgedOffer, language: Language) -> list[str]:
    plan, cost = judged.plan, judged.cost
    if plan is None:
        return []
    quantities = {
        "gpus": Interval.exactly(plan.layout.devices),
        "gpu_hours": plan.device_hours,
        "days": plan.duration_s * (1 / SECONDS_PER_DAY),
    }
    if plan.energy_j is not None:
        quantities["energy"] = plan.energy_j * (1 / JOULES_PER_MWH)
    shown = [f"{show_interval(value, language)} {text(f'match.{key}', language)}" for key, value in quantities.items()]
    if cost is None:
        return [*shown, text("match.cost_unknown", language)]
    return [*shown, f"{show_interval(cost.amount, language)} {cost.currency}"]
