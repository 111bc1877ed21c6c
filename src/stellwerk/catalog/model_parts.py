"""Parts of systems and programmes: scheduler partitions, charge factors, cut-offs, ranges of dates."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from stellwerk.catalog.facts import Source

PartitionKind = Literal["exclusive", "shared", "mig", "preemptible", "interactive", "development"]
ChargeUnit = Literal["gpu_h", "node_h", "core_h", "flop"]
ChargedFor = Literal["module_h", "node_h", "slice_h"]


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of the scheduler that sits on a pool. Several may share its nodes, so that no sum counts them.

    ``devices_min`` and ``devices_max`` are what one job may ask for, in schedulable devices; ``slice`` is the part of a
    device that it hands out (``1/7``), empty for whole ones. Other fields are unknown where nothing is stated.
    """

    name: str
    kind: PartitionKind | None
    devices_min: int | None
    devices_max: int | None
    max_walltime_h: float | None
    slice: str
    note: str
    source: Source


@dataclass(frozen=True, slots=True)
class Charge:
    """What use is charged: ``factor`` units of ``unit`` for one hour of a module, a node or a slice.

    ``accelerators_per_node`` tells which nodes it holds for, where a pool has several kinds. ``whole_nodes`` says
    whether a whole node is charged however little of it is used; None where nobody says.
    """

    unit: ChargeUnit | None
    per: ChargedFor | None
    factor: float | None
    slice: str
    accelerators_per_node: int | None
    whole_nodes: bool | None
    note: str
    source: Source


@dataclass(frozen=True, slots=True)
class DateRange:
    """A period each end of which is known as a range of days, inclusive; None where nothing is known."""

    from_earliest: datetime.date | None
    from_latest: datetime.date | None
    until_earliest: datetime.date | None
    until_latest: datetime.date | None

    def covers(self, day: datetime.date) -> bool | None:
        """Whether a day lies inside for certain, outside for certain, or neither (None)."""
        if (self.from_earliest and day < self.from_earliest) or (self.until_latest and day > self.until_latest):
            return False
        begun = self.from_latest is not None and day >= self.from_latest
        goes_on = self.until_earliest is not None and day <= self.until_earliest
        return True if begun and goes_on else None


@dataclass(frozen=True, slots=True, order=True)
class Cutoff:
    """A day until which applications are taken, with the local hour and its IANA zone where they are stated."""

    day: datetime.date
    time: str = ""
    zone: str = ""

    @property
    def instant(self) -> datetime.datetime | None:
        """The cut-off in UTC; None where only the day is stated."""
        if not self.zone:
            return None
        local = datetime.datetime.combine(self.day, datetime.time.fromisoformat(self.time), ZoneInfo(self.zone))
        return local.astimezone(datetime.UTC)


@dataclass(frozen=True, slots=True)
class RecurringCutoff:
    """Cut-offs that return every year on the same days. ``days`` are (month, day); ``scope`` names the centre it holds
    for, ``system_ids`` its systems; both are empty where it holds for the whole programme."""

    days: tuple[tuple[int, int], ...]
    scope: str
    system_ids: tuple[str, ...]
    note: str
    source: Source

    def next_day(self, as_of: datetime.date) -> datetime.date:
        """The first of its days that is not before ``as_of``."""
        this_year = [datetime.date(as_of.year, month, day) for month, day in self.days]
        coming = [day for day in this_year if day >= as_of]
        return min(coming) if coming else min(this_year).replace(year=as_of.year + 1)


def in_period(day: datetime.date, start: datetime.date | None, end: datetime.date | None) -> bool:
    """Whether a day lies in a period, both ends inclusive; None where no end is stated."""
    return (start is None or start <= day) and (end is None or day <= end)
