"""How verbs take a job log: its format, and what the log itself does not say about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from stellwerk.cli.mistakes import naming_options
from stellwerk.records import FORMATS, Format, JobTable, read_jobs

F = TypeVar("F", bound=Callable[..., object])

DROP_REASONS = {
    "partial_execution": "one part of a checkpointed run",
    "job_step": "a step of a job, not a job",
    "broken_line": "another number of fields",
    "truncated_line": "the last line breaks off",
    "no_such_time": "a time that no clock showed when it was put forward",
    "repeated_record": "the same execution again; the last record of it counts",
    "no_job_id": "no job id",
    "times_out_of_order": "ends before it starts, or starts before it is submitted",
    "no_submit_time": "no submit time",
    "not_ended": "has not ended",
    "no_run_time": "no run time",
    "zero_run_time": "run time of zero",
    "no_processors": "no number of processors",
}
REMARKS = {
    "unreadable_value": "a value that cannot be read, left empty",
    "unknown_state": "an unknown state, left empty",
    "name_with_separator": "a separator inside a text, told apart",
    "not_utf8": "not UTF-8, read as Latin-1",
    "clock_shown_twice": "a time that the clock showed twice, read as the other times allow",
    "tasks_in_one_line": "a pending array in one line, counted by its tasks",
    "tasks_not_counted": "a pending array of too many tasks, counted as one job",
}


def job_log_options(command: F) -> F:
    """Adds --format, --mapping, --fields and --timezone."""
    for option in reversed(
        (
            click.option("--format", type=click.Choice(FORMATS), help="Format of the log; otherwise by its content."),
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
    format: Format | None,  # noqa: A002 - the option's name
    mapping: Path | None,
    fields: str | None,
    timezone: str | None,
) -> JobTable:
    """The log at ``path``, by the options of ``job_log_options``."""
    with naming_options({name: f"--{name}" for name in ("format", "mapping", "fields", "timezone")}):
        listed = fields.split(",") if fields is not None else None
        return read_jobs(path, format=format, mapping=mapping, fields=listed, timezone=timezone)
