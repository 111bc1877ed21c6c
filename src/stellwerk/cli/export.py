"""``stellwerk export``: what a run has learned, as a folder that transformers loads."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import click

from stellwerk.errors import InputError, MissingExtraError
from stellwerk.launch import RunDirectory
from stellwerk.launch.runs import RunStore, runs_folder

PROGRAM = "stellwerk.training.huggingface.export"


@click.command(name="export")
@click.argument("run")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to write, new or empty.  [default: export or merged, in the folder of the run]",
)
@click.option("--merge", is_flag=True, help="Add the adapters of a LoRA run to its base, and write the whole model.")
def command(run: str, out: Path | None, *, merge: bool) -> None:
    """Write the newest checkpoint of RUN in Hugging Face layout: config.json, safetensors, tokenizer.

    RUN is an id, the beginning of one, or a folder. A LoRA run gives its adapters alone, as PEFT reads them, or with
    --merge the whole model.
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("stellwerk export", "train")
    directory = RunDirectory(RunStore(runs_folder(os.environ)).find(run).path)
    if not directory.job.is_file():
        raise InputError(
            "there is no job.json: only runs of the reference program can be exported", file=directory.path
        )
    folder = out or directory.path / ("merged" if merge else "export")
    places = {"--job": directory.job, "--checkpoints": directory.checkpoints, "--out": folder}
    arguments = [str(part) for place in places.items() for part in place]
    # In a process of its own: torch stays in the room of the program on the nodes.
    ended = subprocess.run([sys.executable, "-m", PROGRAM, *arguments, *(["--merge"] if merge else [])], check=False)
    if ended.returncode != 0:
        sys.exit(ended.returncode)
