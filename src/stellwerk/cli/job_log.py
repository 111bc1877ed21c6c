"""How verbs take a job log: its format, what the log itself does not say about it, and how it is named and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from stellwerk.cli.mistakes import naming_options
from stellwerk.errors import InputError
from stellwerk.records import FORMATS, Format, JobTable, read_jobs

F = TypeVar("F", bound=Callable[..., object])


def job_log_options(command: F) -> F:
    """Adds --format, --mapping, --fields and --timezone."""
    for option in reversed(
        (
            click.option(
                "--format",
                "log_format",
                type=click.Choice(FORMATS),
                help="Format of the log; otherwise by its content.",
            ),
            click.option("--mapping", type=click.Path(path_type=Path), help="CSV, Parquet: what the columns mean."),
            click.option("--fields", help="sacct without a title line: its fields, as in sacct --format."),
            click.option("--timezone", metavar="ZONE", help="Zone of the log's times, where it names none. [UTC]"),
        )
    ):
        command = option(command)
    return command


def read_job_log(
    path: Path,
    *,
    log_format: Format | None,
    mapping: Path | None,
    fields: str | None,
    timezone: str | None,
) -> JobTable:
    """The log at ``path``, by the options of ``job_log_options``."""
    with naming_options({name: f"--{name}" for name in ("mapping", "fields", "timezone")}):
        listed = fields.split(",") if fields is not None else None
        return read_jobs(path, log_format=log_format, mapping=mapping, fields=listed, timezone=timezone)


def sha256_of(path: Path) -> str:
    """What names a log's content in results: its hash as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_overwriting(out: Path, inputs: list[Path]) -> None:
    """Raises InputError where ``out`` is one of the files that are read."""
    try:
        overwrites = out.exists() and any(_is_same(out, path) for path in inputs)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=out) from error
    if overwrites:
        raise InputError("would overwrite an input", file=out)


def _is_same(out: Path, path: Path) -> bool:
    try:
        return out.samefile(path)
    except OSError:  # what cannot be read is not there to be overwritten, and its reader says why
        return False
