"""``stellwerk classes``: which class of access fits a workload."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import click
from rich.padding import Padding

from stellwerk.broker import ClassAnswer, ClassOnSystem, FamilyAnswer, basis_of, classes_as_dict, find_classes, match
from stellwerk.catalog import AmountLimit, load_catalogue
from stellwerk.charts import format_date, format_significant
from stellwerk.cli.mistakes import naming_file
from stellwerk.cli.output import console, print_json, show_interval, today
from stellwerk.messages import LANGUAGES, Language, render, text
from stellwerk.units import Interval
from stellwerk.workload import read_workload

EFLOP = 1e18


@click.command(name="classes")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day to answer for; default: the file's, or today."
)
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="Local data to lay over the catalogue.")
def command(
    file: Path, as_of: datetime.datetime | None, language: Language, as_json: bool, catalogue: Path | None
) -> None:
    """For each family of programmes: its classes, whether they admit the applicant of FILE, and whether they hold the
    need."""
    workload = read_workload(file)
    day = as_of.date() if as_of else workload.as_of or today()
    with naming_file(file):
        answer = match(workload, load_catalogue(overlay=catalogue), day)
    families = find_classes(answer)
    if as_json:
        print_json(classes_as_dict(answer, families, language))
        return
    console.print(text("classes.heading", language, name=workload.name, as_of=day.isoformat()), style="bold")
    console.print(text("classes.how_to_read", language))
    for reason in basis_of(workload):
        console.print(render(reason, language))
    for family in families:
        _print_family(family, language)


def _print_family(answer: FamilyAnswer, language: Language) -> None:
    console.print()
    console.print(answer.family.name[language], style="bold")
    _indented(f"→ {render(answer.advice, language)}", 2)
    for one in answer.classes:
        _print_class(one, language)


def _print_class(answer: ClassAnswer, language: Language) -> None:
    """A class that is out shows why; any other also its open questions and, for each amount, its systems."""
    programme = answer.programme
    verdict = f"{text('classes.open_to_you', language)}: {text(f'admission.{answer.verdict}', language)}"
    cutoff = answer.next_cutoff
    dates = [text("classes.next_cutoff", language, date=format_date(cutoff, language))] if cutoff else []
    console.print(Padding(programme.programme.value or programme.id, (0, 0, 0, 2)), style="cyan")
    _indented(" · ".join([programme.id, verdict, *dates]), 4)
    for finding in answer.findings:
        if finding.effect == answer.verdict:
            _indented(f"– {render(finding.reason, language)}", 6)
    if answer.verdict == "impossible":
        return
    if not answer.systems:
        _indented(f"– {text('classes.no_system', language)}", 6)
    for line in _amounts(answer.systems, language):
        _indented(line, 6)


def _amounts(systems: tuple[ClassOnSystem, ...], language: Language) -> Iterator[str]:
    """One line for all systems with the same limits and the same answer, with the need on the best of them; last the
    systems that something else rules out."""
    groups: dict[tuple[object, ...], list[ClassOnSystem]] = {}
    others = []
    for one in systems:
        if one.verdict == "impossible" and one.fit not in ("below", "above"):
            others.append(one)
        else:
            groups.setdefault((one.limits, one.fit), []).append(one)
    for members in groups.values():
        best = members[0]
        scopes = dict.fromkeys(limit.scope for limit in best.limits if limit.scope)
        stated = [part for limit in zip(best.limits, best.needed, strict=True) for part in _limit(*limit, language)]
        said = "; ".join([*stated, text(f"fit.{best.fit}", language)])
        yield f"{''.join(f'{scope}: ' for scope in scopes)}{said}: {_ids(members)}"
    if others:
        yield f"{text('classes.ruled_out', language)}: {_ids(others)}"


def _limit(limit: AmountLimit, needed: Interval | None, language: Language) -> Iterator[str]:
    unit = text(f"amount_unit.{limit.unit}", language)
    factor = EFLOP if limit.unit == "flop" else 1.0
    low, high = (
        None if bound is None else format_significant(bound / factor, language)
        for bound in (limit.minimum, limit.maximum)
    )
    if low and high:
        amount = text("classes.between", language, low=low, high=f"{high} {unit}")
    elif low:
        amount = text("classes.at_least", language, amount=f"{low} {unit}")
    else:
        amount = text("classes.at_most", language, amount=f"{high} {unit}")
    yield f"{amount} {text(f'per.{limit.per}', language)}" if limit.per else amount
    if needed is not None:
        yield text("classes.needed", language, amount=f"{show_interval(needed, language)} {unit}")


def _ids(systems: list[ClassOnSystem]) -> str:
    return ", ".join(one.system.id for one in systems)


def _indented(line: str, spaces: int) -> None:
    console.print(Padding(line, (0, 0, 0, spaces)))
