"""How the verbs of ``stellwerk jobs`` take their log."""

from __future__ import annotations

import contextlib
import datetime
import re
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from stellwerk.errors import InputError
from stellwerk.records import JobTable


class Day(click.DateTime):
    """A day that has a following one in every time zone."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        day: datetime.datetime = super().convert(value, param, ctx)
        if not 1 < day.year < datetime.MAXYEAR:
            self.fail(f"{value!r} is at the end of the calendar", param, ctx)
        return day


def shown_zone(jobs: JobTable, timezone: str | None) -> datetime.tzinfo:
    """The zone of the days that are shown: the one asked for, otherwise that of the log, otherwise UTC."""
    if timezone is None:
        return _stated_zone(jobs) or datetime.UTC
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            "is no time zone", key="--timezone", value=timezone, allowed="a name such as Europe/Berlin"
        ) from None


def _stated_zone(jobs: JobTable) -> ZoneInfo | None:
    """The time zone that the header of an SWF log names, as far as this machine knows it."""
    for line in jobs.header:
        stated = re.match(r";\s*TimeZoneString:\s*(\S+)", line)
        if stated:
            with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
                return ZoneInfo(stated[1])
    return None
