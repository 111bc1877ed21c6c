"""How the verbs of ``stellwerk jobs`` take their log."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from stellwerk.cli.mistakes import naming_options
from stellwerk.errors import InputError
from stellwerk.records import FORMATS, Format, JobTable, read_jobs


class TimeZone(click.ParamType[ZoneInfo]):
    """An IANA time zone."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value!r} is no time zone; allowed: a name such as Europe/Berlin", param, ctx)


_LOG_OPTIONS = (
    click.option("--format", "log_format", type=click.Choice(FORMATS), help="What FILE is; otherwise by its content."),
    click.option("--fields", help="Columns of a sacct dump without a title line, as given to sacct --format."),
    click.option("--mapping", type=click.Path(path_type=Path), help="Which column means what, for CSV and Parquet."),
    click.option(
        "--timezone",
        type=TimeZone(),
        help="Zone of the times in the log, where it names none, and of the days shown. Default: the log's, else UTC.",
    ),
)


class Day(click.DateTime):
    """A day that has a following one in every time zone."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        day: datetime.datetime = super().convert(value, param, ctx)
        if not 1 < day.year < datetime.MAXYEAR:
            self.fail(f"{value!r} is at the end of the calendar", param, ctx)
        return day


def log_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what FILE is; ``read_log`` takes them."""
    for option in reversed(_LOG_OPTIONS):
        command = option(command)
    return command


def read_log(
    file: Path, *, log_format: Format | None, fields: str | None, mapping: Path | None, timezone: ZoneInfo | None
) -> JobTable:
    """The records of a log; a mistake names the option."""
    names = None if fields is None else [name.strip() for name in fields.split(",")]
    zone = timezone.key if timezone else None
    with naming_options({"mapping": "--mapping", "fields": "--fields"}):
        jobs = read_jobs(file, log_format=log_format, fields=names, mapping=mapping, timezone=zone)
    if len(jobs) == 0:
        raise InputError("holds no job", file=file)
    return jobs


def stated_zone(jobs: JobTable) -> ZoneInfo | None:
    """The time zone that the header of an SWF log names, as far as this machine knows it."""
    for line in jobs.header:
        stated = re.match(r";\s*TimeZoneString:\s*(\S+)", line)
        if stated:
            with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
                return ZoneInfo(stated[1])
    return None


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
