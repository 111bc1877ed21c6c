"""Days, weeks and months of a log's own time zone, as seconds of the log."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stellwerk.units import SECONDS_PER_DAY

BinKind = Literal["day", "week", "month"]

_DAYS_WITHOUT_CALENDAR = {"day": 1, "week": 7, "month": 30}


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Consecutive spans of time: ``edges_s`` has one more element than ``starts``.

    ``starts`` are local times; for a log that does not say when its second 0 was, days since then. Spans that are
    none of the calendar's are of the kind ``moment``.
    """

    kind: BinKind | Literal["moment"]
    edges_s: NDArray[np.int64]
    starts: tuple[datetime.datetime, ...] | tuple[float, ...]

    def __len__(self) -> int:
        return len(self.starts)


def calendar_bins(
    first_s: int, last_s: int, kind: BinKind, zero: datetime.datetime | None, zone: datetime.tzinfo
) -> Bins:
    """The bins that cover seconds ``first_s`` to ``last_s`` (later than it), each whole.

    A week starts on Monday. Local days may have 23 or 25 hours. Without ``zero`` a month is 30 days.
    """
    if zero is None:
        return _plain_bins(first_s, last_s, kind)
    begin = _floor(_local(zero, first_s, zone), kind)
    starts = [begin]
    edges = [_seconds(begin, zero)]
    while edges[-1] < last_s:
        starts.append(_following(starts[-1], kind))
        edges.append(_seconds(starts[-1], zero))
    return Bins(kind, np.array(edges, np.int64), tuple(starts[:-1]))


def local_starts(
    starts_s: NDArray[np.int64], zero: datetime.datetime | None, zone: datetime.tzinfo
) -> tuple[datetime.datetime, ...] | tuple[float, ...]:
    """Seconds of the log as local times, or as days since its zero where it names no dates."""
    if zero is None:
        return tuple((starts_s / SECONDS_PER_DAY).tolist())
    return tuple(_local(zero, second, zone) for second in starts_s.tolist())


def _plain_bins(first_s: int, last_s: int, kind: BinKind) -> Bins:
    width_s = int(_DAYS_WITHOUT_CALENDAR[kind] * SECONDS_PER_DAY)
    begin, end = first_s // width_s, -(-last_s // width_s)
    edges_s = np.arange(begin, end + 1, dtype=np.int64) * width_s
    return Bins(kind, edges_s, local_starts(edges_s[:-1], None, datetime.UTC))


def _local(zero: datetime.datetime, second: int, zone: datetime.tzinfo) -> datetime.datetime:
    return (zero.astimezone(datetime.UTC) + datetime.timedelta(seconds=second)).astimezone(zone)


def _seconds(instant: datetime.datetime, zero: datetime.datetime) -> int:
    # In UTC: the difference of two times of one zone would be that of its clocks.
    return round((instant.astimezone(datetime.UTC) - zero.astimezone(datetime.UTC)).total_seconds())


def _floor(instant: datetime.datetime, kind: BinKind) -> datetime.datetime:
    day = instant.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if kind == "week":
        return day - datetime.timedelta(days=day.weekday())
    return day.replace(day=1) if kind == "month" else day


def _following(start: datetime.datetime, kind: BinKind) -> datetime.datetime:
    if kind == "month":
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start + datetime.timedelta(days=7 if kind == "week" else 1)
