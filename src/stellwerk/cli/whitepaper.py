"""``stellwerk whitepaper``: build an edition of the living report."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from stellwerk import __version__
from stellwerk.catalog import load_catalogue
from stellwerk.cli.output import today
from stellwerk.whitepaper import compose_edition, read_feedback, write_edition


@click.group(name="whitepaper")
def command() -> None:
    """The living report: what exists, who can reach it, and what is not known."""


@command.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the edition: new, or one.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day the edition is valid for; default: today.")
@click.option("--feedback", type=click.Path(path_type=Path), help="File of comments to list with their answers.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="Local data to lay over the catalogue.")
def build(out: Path, as_of: datetime.datetime | None, feedback: Path | None, catalogue: Path | None) -> None:
    """Write the report in German and English and all its figures as edition.json.

    The same catalogue, comments and day give the same files, byte for byte.
    """
    received = read_feedback(feedback) if feedback is not None else None
    edition = compose_edition(
        load_catalogue(overlay=catalogue),
        as_of=as_of.date() if as_of else today(),
        version=__version__,
        comments=received.comments if received else (),
        feedback_hash=received.sha256 if received else None,
    )
    written = write_edition(edition, out)
    click.echo(f"edition of {edition.as_of.isoformat()}: {len(edition.figures):,} figures")
    for path in written:
        click.echo(str(path))
