"""How the verbs of ``stellwerk jobs`` take their log."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from stellwerk.errors import InputError
from stellwerk.records import JobTable, read_jobs


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


class Day(click.DateTime):
    """A day that has a following one in every time zone."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        day: datetime.datetime = super().convert(value, param, ctx)
        if not 1 < day.year < datetime.MAXYEAR:
            self.fail(f"{value!r} is at the end of the calendar", param, ctx)
        return day


def read_log(file: Path, mapping: Path | None, timezone: ZoneInfo | None) -> JobTable:
    """The records of a log: by a mapping where there is one, otherwise by what the file looks like."""
    return read_jobs(file, mapping=mapping, timezone=timezone.key if timezone else None)


def refuse_overwriting(out: Path, inputs: list[Path]) -> None:
    """Raises InputError where ``out`` is one of the files that are read."""
    try:
        overwrites = out.exists() and any(path.exists() and out.samefile(path) for path in inputs)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=out) from error
    if overwrites:
        raise InputError("would overwrite an input", file=out)
