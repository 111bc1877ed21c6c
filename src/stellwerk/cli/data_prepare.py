"""``stellwerk data prepare``: files of text made into token shards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import click

from stellwerk.cli.data_summary import show_manifest
from stellwerk.cli.mistakes import naming_options
from stellwerk.cli.stages import stage_progress
from stellwerk.dataset import Deduplication, Preparation, Reading, prepare

_STAGES = {
    "hash": "Hashing inputs",
    "read": "Reading documents",
    "learn": "Training the tokenizer",
    "write": "Writing tokens",
}
_OPTIONS = {
    "end_of_text": "--end-of-text",
    "held_out_share": "--held-out",
    "seed": "--seed",
    "vocabulary": "--vocab",
}


@click.command(name="prepare")
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the dataset: new, or stopped.")
@click.option("--source", help="Where inputs without a SOURCE.toml are from: a title, an address.")
@click.option("--licence", help="Licence of inputs without a SOURCE.toml, such as CC-BY-SA-4.0.")
@click.option("--vocab", type=int, default=16384, show_default=True, help="Tokens of the tokenizer that is trained.")
@click.option("--tokenizer", type=click.Path(path_type=Path), help="Load this tokenizer.json instead of training one.")
@click.option("--end-of-text", help="The loaded tokenizer's token that ends a document. Default: the known ones.")
@click.option("--field", default="text", show_default=True, help="Field of JSONL that holds the text.")
@click.option("--column", default="text", show_default=True, help="Column of Parquet that holds the text.")
@click.option("--separator", help="Line that separates documents in a text file ('' for an empty one). Default: none.")
@click.option(
    "--deduplicate",
    "deduplication",
    type=click.Choice(get_args(Deduplication)),
    default="near",
    show_default=True,
    help="Drop documents that nearly, or exactly, repeat an earlier one.",
)
@click.option("--held-out", type=float, default=0.01, show_default=True, help="Share of documents kept aside.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides which documents are kept aside.")
@click.option(
    "--processes", type=click.IntRange(min=1), help="Processes that work at once. Default: the cores of this machine."
)
def prepare_command(
    inputs: tuple[Path, ...],
    out: Path,
    source: str | None,
    licence: str | None,
    vocab: int,
    tokenizer: Path | None,
    end_of_text: str | None,
    field: str,
    column: str,
    separator: str | None,
    deduplication: Deduplication,
    held_out: float,
    seed: int,
    processes: int | None,
) -> None:
    """Make token shards of the text in INPUTS: text files, JSONL, Parquet, or folders of them, also as .gz and .zst.

    The same command goes on where it was stopped. What it does and how fast: docs/data.md.
    """
    preparation = Preparation(
        vocabulary=vocab,
        tokenizer=tokenizer,
        end_of_text=end_of_text,
        reading=Reading(field=field, column=column, separator=separator),
        deduplication=deduplication,
        held_out_share=held_out,
        seed=seed,
    )
    try:
        with naming_options(_OPTIONS), stage_progress() as progress:
            prepared = prepare(
                inputs,
                out,
                preparation,
                source=source,
                licence=licence,
                processes=processes or len(os.sched_getaffinity(0)),
                progress=lambda stage, done, total: progress(_STAGES[stage], done, total),
            )
    except KeyboardInterrupt:
        click.echo("Stopped; the same command goes on from here.", err=True)
        raise
    if prepared.already:
        click.echo("Nothing to do: the folder holds just this dataset.")
    if prepared.left_out:
        click.echo(f"Left out: {prepared.left_out:,} files in folders that are neither text nor JSONL nor Parquet.")
    show_manifest(out, prepared.manifest)
