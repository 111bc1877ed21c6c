"""Waiting times in the queue, as a file that a centre or a simulation supplies."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from stellwerk.files import read_toml
from stellwerk.units import Interval

MAX_FILE_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Wait:
    """How long jobs of ``devices_min`` to ``devices_max`` devices wait on a system: 10%, 50% and 90% of them at most so
    long."""

    system_id: str
    devices_min: int
    devices_max: int
    wait_s: Interval
    as_of: datetime.date
    source: str


@dataclass(frozen=True, slots=True)
class Waits:
    """All waits that are known, by system."""

    by_system: Mapping[str, tuple[Wait, ...]]

    def of(self, system_id: str, devices: int) -> Wait | None:
        """The wait of one job; None where nothing is known of its size."""
        waits = self.by_system.get(system_id, ())
        return next((wait for wait in waits if wait.devices_min <= devices <= wait.devices_max), None)


NO_WAITS = Waits({})


def read_waits(path: Path, systems: Collection[str]) -> Waits:
    """The waits of a TOML file (docs/waits.md) for ``systems``, the ids that the catalogue knows.

    Raises InputErrors with every mistake: unknown keys and systems, percentiles out of order, sizes that overlap.
    """
    from stellwerk.broker.waits_file import waits_in  # pydantic is slow to import

    return waits_in(read_toml(path, limit_bytes=MAX_FILE_BYTES), path, systems)
