"""``stellwerk feedback``: comments on the figures of an edition."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click

from stellwerk import __version__
from stellwerk.catalog import load_catalogue
from stellwerk.cli.mistakes import naming_options
from stellwerk.cli.output import print_json, today
from stellwerk.whitepaper import (
    Comment,
    add_comment,
    answer_comment,
    compose_edition,
    read_feedback,
    read_figure_ids,
)

JSON_SCHEMA = 1
OPTIONS = {key: f"--{key}" for key in ("figure", "name", "email", "text")}
"""Which option says what a comment holds at a key."""

_file = click.option("--file", type=click.Path(path_type=Path), required=True, help="The file of comments.")
_text = click.option("--text", required=True, help="What is said.")
_date = click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="The day it came in; default: today.")


@click.group(name="feedback")
def command() -> None:
    """Comments on the figures of an edition: take them, list them, answer them."""


@command.command()
@_file
@click.option("--figure", required=True, help="Permanent id of the figure, as the edition shows it.")
@click.option("--name", required=True, help="Who comments; shown in the edition only with --consent-name.")
@click.option("--email", required=True, help="How to reach them; shown in the edition only with --consent-email.")
@_text
@click.option("--consent-name", is_flag=True, help="The person agrees that the edition shows the name.")
@click.option("--consent-email", is_flag=True, help="The person agrees that the edition shows the e-mail address.")
@_date
@click.option("--edition", type=click.Path(path_type=Path), help="edition.json with the figures one may comment on.")
@click.option(
    "--catalogue", type=click.Path(path_type=Path), help="Without --edition: local data to lay over the catalogue."
)
def add(
    file: Path,
    figure: str,
    name: str,
    email: str,
    text: str,
    consent_name: bool,
    consent_email: bool,
    date: datetime.datetime | None,
    edition: Path | None,
    catalogue: Path | None,
) -> None:
    """Take a comment on one figure. Without --edition the figures are those of an edition built today."""
    day = _day(date)
    known_figures = read_figure_ids(edition) if edition else _figure_ids(catalogue, _day(None))
    with naming_options(OPTIONS):
        comment = add_comment(
            file,
            figure_id=figure,
            known_figures=known_figures,
            name=name,
            email=email,
            consent_name=consent_name,
            consent_email=consent_email,
            text=text,
            date=day,
        )
    click.echo(f"{comment.id}: comment on {comment.figure_id}")


@command.command(name="list")
@_file
@click.option("--open", "only_open", is_flag=True, help="Only comments without an answer.")
@click.option("--with-email", is_flag=True, help="Show e-mail addresses too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(file: Path, only_open: bool, with_email: bool, as_json: bool) -> None:
    """Show the comments with their answers; e-mail addresses only on demand."""
    comments = [comment for comment in read_feedback(file).comments if not (only_open and comment.answers)]
    if as_json:
        plain = [_plain(comment, with_email) for comment in comments]
        print_json({"schema": JSON_SCHEMA, "comments": plain})
        return
    for comment in comments:
        _show(comment, with_email)


@command.command()
@_file
@click.argument("comment_id", metavar="ID")
@_text
@_date
def answer(file: Path, comment_id: str, text: str, date: datetime.datetime | None) -> None:
    """Answer the comment ID; the next edition shows the answer beside it."""
    with naming_options(OPTIONS):
        comment = answer_comment(file, comment_id, text=text, date=_day(date))
    click.echo(f"{comment.id}: {len(comment.answers)} answer{'s' if len(comment.answers) > 1 else ''}")


def _day(date: datetime.datetime | None) -> datetime.date:
    return date.date() if date else today()


def _figure_ids(catalogue: Path | None, as_of: datetime.date) -> frozenset[str]:
    return frozenset(compose_edition(load_catalogue(overlay=catalogue), as_of=as_of, version=__version__).figures)


def _plain(comment: Comment, with_email: bool) -> dict[str, Any]:
    return {
        "id": comment.id,
        "figure": comment.figure_id,
        "date": comment.date.isoformat(),
        "name": comment.name,
        **({"email": comment.email} if with_email else {}),
        "consent_name": comment.consent_name,
        "consent_email": comment.consent_email,
        "text": comment.text,
        "answers": [{"date": answer.date.isoformat(), "text": answer.text} for answer in comment.answers],
    }


def _show(comment: Comment, with_email: bool) -> None:
    who = f"{comment.name} <{comment.email}>" if with_email else comment.name
    click.echo(f"{comment.id}  {comment.date.isoformat()}  {comment.figure_id}  {who}")
    for line in comment.text.splitlines():
        click.echo(f"    {line}")
    for answer in comment.answers:
        click.echo(f"  answer of {answer.date.isoformat()}")
        for line in answer.text.splitlines():
            click.echo(f"    {line}")
    if not comment.answers:
        click.echo("  not answered yet")
