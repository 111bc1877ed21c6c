"""``stellwerk data``: text made into what a training reads, shown, and checked."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from stellwerk.cli.data_prepare import prepare_command
from stellwerk.cli.data_summary import show_manifest
from stellwerk.cli.output import print_json
from stellwerk.cli.stages import stage_progress
from stellwerk.dataset import check_dataset, read_manifest

JSON_SCHEMA = 1


@click.group(name="data")
def command() -> None:
    """Training data: make token shards of text, show what is in them, check that they are whole."""


@command.command(name="show")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def show_command(folder: Path, as_json: bool) -> None:
    """Say what the prepared dataset in FOLDER is made of, and under which licences."""
    manifest = read_manifest(folder)
    if as_json:
        print_json({"schema": JSON_SCHEMA, **asdict(manifest), "sha256": manifest.sha256})
    else:
        show_manifest(folder, manifest)


@command.command(name="check")
@click.argument("folder", type=click.Path(path_type=Path))
def check_command(folder: Path) -> None:
    """Read all of the prepared dataset in FOLDER and compare it with what was written."""
    with stage_progress() as progress:
        manifest = check_dataset(folder, lambda done, total: progress("Shards", done, total))
    shards = len(manifest.training.shards) + len(manifest.held_out.shards)
    tokens = manifest.training.tokens + manifest.held_out.tokens
    click.echo(f"{folder}: whole; {shards:,} shards, {tokens:,} tokens, as the manifest says")


command.add_command(prepare_command)
