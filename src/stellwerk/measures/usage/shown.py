"""Figures of a report as people read them."""

from __future__ import annotations

import datetime

from stellwerk.charts import format_duration, format_number
from stellwerk.measures.usage.model import FEW_JOBS, Size, Usage
from stellwerk.messages import Language, text
from stellwerk.units import SECONDS_PER_DAY

_DATES = {"moment": "%Y-%m-%d %H:%M", "day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m"}
_PLAIN_DAYS = {"week": 7, "month": 30}


class Shown:
    """Writes the figures of one report in one language; all its texts stand in the section ``usage``."""

    def __init__(self, usage: Usage, language: Language) -> None:
        self.usage = usage
        self.language = language
        self.unit = self.say(f"unit_{usage.device}")
        self.devices_word = self.say(f"devices_{usage.device}")

    @property
    def counts_processors_too(self) -> bool:
        """Whether processor-hours stand beside hours of accelerators."""
        return self.usage.device != "processor" and self.usage.total.processor_hours > 0

    @property
    def knows_ends(self) -> bool:
        """Whether the log says of any job how it ended."""
        return any(state is not None for state in self.usage.states)

    def say(self, key: str, **params: str | int) -> str:
        return text(f"usage.{key}", self.language, **params)

    def number(self, value: float, decimals: int = 0) -> str:
        return format_number(value, self.language, decimals)

    def jobs(self, count: int) -> str:
        return self.say("jobs_one") if count == 1 else self.say("jobs_many", count=self.number(count))

    def amount(self, value: float) -> str:
        """Whole from 100 on, one decimal below; what that would round to nothing is said to be less."""
        if 0 < value < 0.05:
            return f"< {self.number(0.1, 1)}"
        return self.number(value, 0 if value >= 99.95 or value == int(value) else 1)

    def hours(self, hours: float) -> str:
        return f"{self.amount(hours)} {self.unit}"

    def devices(self, count: float) -> str:
        return f"{self.amount(count)} {self.devices_word}"

    def share(self, part: float | None, whole: float = 1.0) -> str:
        """A percentage, or a dash where there is nothing to divide."""
        if part is None or whole == 0:
            return self.say("none")
        percent = 100 * part / whole
        shown = self.number(percent, 0 if percent == 0 or percent >= 99.95 else 1)
        return f"{shown} %" if self.language == "de" else f"{shown}%"

    def duration(self, seconds: float | None) -> str:
        return self.say("none") if seconds is None else format_duration(seconds, self.language)

    def marked(self, name: str, jobs: int) -> str:
        return f"{name} *" if jobs < FEW_JOBS else name

    def size(self, size: Size) -> str:
        if size.least is None or size.most is None:
            return self.say("unknown")
        if size.most == 0:
            return self.say("no_devices")
        least, most = self.number(size.least), self.number(size.most)
        return most if size.least == size.most else f"{least}–{most}"

    def name(self, name: str | None) -> str:
        return self.say("unknown") if name is None else name

    def state(self, state: str | None) -> str:
        return self.say("unknown") if state is None else text(f"job_state.{state}", self.language)

    def instant(self, second: int) -> str:
        """A moment of the log, to the minute, in the report's time zone."""
        if self.usage.zero is None:
            return self.say("day_of_log", day=self.number(second / SECONDS_PER_DAY, 2))
        moment = (self.usage.zero + datetime.timedelta(seconds=second)).astimezone(self.usage.zone)
        return f"{moment:%Y-%m-%d %H:%M}"

    def span(self, start: datetime.datetime | float, kind: str) -> str:
        """The name of a bin that begins at ``start``."""
        if isinstance(start, datetime.datetime):
            shown = start.strftime(_DATES[kind])
            return f"{self.say('weekdays').split()[start.weekday()]} {shown}" if kind == "day" else shown
        if kind in _PLAIN_DAYS:
            return self.say("days_of_log", first=round(start), last=round(start) + _PLAIN_DAYS[kind] - 1)
        return self.say("day_of_log", day=self.number(start, 2 if kind == "moment" else 0))
