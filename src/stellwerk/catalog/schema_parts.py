"""What may stand in the parts of systems and programmes: partitions, charges, cut-offs."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from stellwerk.catalog.model_parts import ChargedFor, ChargeUnit, PartitionKind
from stellwerk.catalog.schema_base import Amount, Count, Strict

_ZONED = re.compile(r"(\d{4}-\d{2}-\d{2})(?: (\d{2}:\d{2})(?: (\S+))?)?")
_EXAMPLE = "as in '2026-11-30 10:00 Europe/Brussels'"


def _with_zone(text: str) -> str:
    """A day, an hour and an IANA zone that exist."""
    found = _ZONED.fullmatch(text)
    if found is None:
        raise ValueError(f"should be a day, an hour and a time zone, {_EXAMPLE}")
    day, hour, zone = found.groups()
    if hour is None:
        raise ValueError("names no hour; a day alone belongs into cutoff_dates")
    if zone is None:
        raise ValueError(f"names no time zone; write the IANA one, {_EXAMPLE}")
    datetime.datetime.fromisoformat(f"{day} {hour}")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no such IANA time zone: {zone!r}; write one {_EXAMPLE}") from None
    return text


def _of_every_year(text: str) -> str:
    try:
        datetime.date.fromisoformat(f"2001-{text}")  # no leap year
    except ValueError:
        raise ValueError("should be month and day of a day that every year has, as in '01-15'") from None
    return text


ZonedTime = Annotated[
    str,
    AfterValidator(_with_zone),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2} \S+$"}),
]
MonthDay = Annotated[
    str, AfterValidator(_of_every_year), WithJsonSchema({"type": "string", "pattern": r"^\d{2}-\d{2}$"})
]
Slice = Annotated[str, Field(pattern=r"^(\d{1,3}/\d{1,3})?$")]


class PartitionEntry(Strict):
    """``[[systems.partitions]]``: one partition of the scheduler on the pool."""

    name: str
    kind: PartitionKind | None = None
    devices_min: Count | None = None
    devices_max: Count | None = None
    max_walltime_h: Amount | None = None
    slice: Slice = ""
    source: str | None = None
    note: str = ""


class ChargeEntry(Strict):
    """``[[systems.charges]]``: ``factor`` units for an hour of a module, node or slice."""

    unit: ChargeUnit | None = None
    per: ChargedFor | None = None
    factor: Amount | None = None
    slice: Slice = ""
    accel_per_node: Count | None = None
    whole_nodes: bool | None = None
    source: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        stated = [self.unit is not None, self.per is not None, self.factor is not None]
        if any(stated) and not all(stated):
            raise ValueError("unit, per and factor go together")
        if not any(stated) and self.whole_nodes is None:
            raise ValueError("states nothing: give unit, per and factor, or whole_nodes")
        return self


class RecurringCutoffEntry(Strict):
    """``[[programmes.recurring_cutoffs]]``: cut-offs on the same days of every year."""

    days: Annotated[list[MonthDay], Field(min_length=1)]
    scope: str = ""
    system_ids: list[str] = []
    source: str | None = None
    note: str = ""
