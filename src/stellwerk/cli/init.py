"""``stellwerk init``: a few questions, and a workload file from the answers."""

from __future__ import annotations

from pathlib import Path

import click

from stellwerk.cli.interview import Interview, ask_everything
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.messages import LANGUAGES, Language
from stellwerk.workload import draft_as_toml, draft_workload, filled_in_lines, words

YES_WORDS = ("y", "yes", "j", "ja")


@click.command(name="init")
@click.argument("file", type=click.Path(path_type=Path), default=Path("workload.toml"))
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
def command(file: Path, language: Language) -> None:
    """Ask what is to be done with which model and for whom, and write it to FILE (default: workload.toml).

    Enter takes the value in brackets. Answers may also come from a pipe, one a line.
    """
    texts = words("questions", language)
    if file.exists() and not file.is_file():
        raise InputError("something else than a file is there", file=file)
    if file.exists() and not _agreed(texts["overwrite"].format(file=file)):
        click.echo(texts["kept"].format(file=file))
        return
    draft = draft_workload(ask_everything(Interview(file, texts)), file)
    write_whole(file, draft_as_toml(draft, language).encode())
    click.echo()
    click.echo(words("filled", language)["heading"])
    for line in filled_in_lines(draft, language):
        click.echo(f"  {line}")
    click.echo()
    click.echo(texts["written"].format(file=file))


def _agreed(question: str) -> bool:
    return click.prompt(question, default="n", show_default=False).strip().casefold() in YES_WORDS
