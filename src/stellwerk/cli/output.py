"""What the verbs share in printing."""

from __future__ import annotations

import datetime

import click
from pydantic_core import to_json
from rich.console import Console

from stellwerk.charts import format_interval
from stellwerk.messages import Language
from stellwerk.units import Interval

console = Console(highlight=False, soft_wrap=False)


def show_interval(interval: Interval, language: Language) -> str:
    """Best estimate and bounds, three figures each: ``31,000 (27,000–46,000)``."""
    return format_interval(interval.rounded(3), language)


def print_json(content: object) -> None:
    """Plain data as JSON; the answer of a match is a megabyte, which json.dumps takes a tenth of a second for."""
    click.echo(to_json(content, indent=1))


def today() -> datetime.date:
    """The day in UTC; only the command line asks a clock."""
    return datetime.datetime.now(datetime.UTC).date()
