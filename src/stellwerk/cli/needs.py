"""``stellwerk needs``: sums up a file of needs that ``match --register-need`` wrote."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from stellwerk import __version__
from stellwerk.broker import NeedGroup, Obstacle, RegisteredNeed, group_needs, obstacles, read_needs
from stellwerk.charts import format_significant
from stellwerk.cli.output import console, print_json
from stellwerk.messages import LANGUAGES, Language, outline, text

JSON_SCHEMA = 1
OBSTACLES_SHOWN = 12


@click.command(name="needs")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(file: Path, language: Language, as_json: bool) -> None:
    """Who asked for what in FILE, how much it needs, and what stood in the way of what could not be met."""
    needs = read_needs(file)
    groups, against = group_needs(needs), obstacles(needs)
    if as_json:
        print_json(_as_dict(needs, groups, against))
        return
    console.print(text("needs.heading", language, requests=len(needs)), style="bold")
    console.print(text("needs.how_to_read", language))
    console.print(_group_table(groups, language))
    without = sum(not need.possible for need in needs)
    console.print(text("needs.without_offer", language, requests=without), style="bold")
    if against:
        console.print(_obstacle_table(against[:OBSTACLES_SHOWN], language))
    if len(against) > OBSTACLES_SHOWN:
        console.print(text("needs.more", language, more=len(against) - OBSTACLES_SHOWN), style="italic")


def _as_dict(
    needs: tuple[RegisteredNeed, ...], groups: tuple[NeedGroup, ...], against: tuple[Obstacle, ...]
) -> dict[str, Any]:
    return {
        "schema": JSON_SCHEMA,
        "stellwerk": __version__,
        "requests": len(needs),
        "without_possible_offer": sum(not need.possible for need in needs),
        "groups": [asdict(group) for group in groups],
        "obstacles": [asdict(one) for one in against],
    }


def _group_table(groups: tuple[NeedGroup, ...], language: Language) -> Table:
    table = Table(text("needs.applicant", language), text("needs.task", language))
    for name in ("requests", "met", "open", "unmet", "median", "n"):
        table.add_column(text(f"needs.{name}", language), justify="right")
    for group in groups:
        counts = (str(count) for count in (group.requests, group.met, group.open, group.unmet))
        who, what = text(f"applicant.{group.applicant}", language), text(f"needs.task_{group.task}", language)
        table.add_row(who, what, *counts, _median(group, language), str(group.gpu_hours_known))
    return table


def _median(group: NeedGroup, language: Language) -> str:
    if group.gpu_hours_median is None:
        return text("needs.not_known", language)
    return format_significant(group.gpu_hours_median, language)


def _obstacle_table(against: tuple[Obstacle, ...], language: Language) -> Table:
    table = Table(text("needs.reason", language), text("needs.verdict", language))
    for name in ("offers", "in_requests"):
        table.add_column(text(f"needs.{name}", language), justify="right")
    for one in against:
        verdict = text(f"verdict.{one.verdict}", language)
        table.add_row(outline(one.code, language), verdict, str(one.offers), str(one.requests))
    return table
