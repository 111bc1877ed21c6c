"""The waits of a log as the table that the broker reads (docs/waits.md)."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
import tomlkit

from stellwerk.broker import Wait
from stellwerk.measures.groups import Ints, size_class, sizes_of_class, summarise_waits
from stellwerk.records import MISSING
from stellwerk.units import SECONDS_PER_HOUR, Interval

MIN_JOBS = 10
"""A tenth of fewer jobs is no job."""


def waits_by_size(
    *, wait_s: Ints, devices: Ints, system_id: str, as_of: datetime.date, source: str, min_jobs: int = MIN_JOBS
) -> tuple[Wait, ...]:
    """One row per class of job sizes of which at least ``min_jobs`` waits are known.

    One element per job: ``wait_s`` in seconds, ``devices`` as the scheduler counts them; ``MISSING`` where unknown.
    ``source`` says in words where the waits come from; the number of jobs is added.
    """
    classes = np.where(wait_s != MISSING, size_class(devices), MISSING)
    rows = []
    for number in np.unique(classes[classes >= 0]).tolist():
        found = summarise_waits(wait_s[classes == number])
        if found.jobs < min_jobs or found.p10_s is None or found.p50_s is None or found.p90_s is None:
            continue
        wait = Interval(found.p10_s, found.p50_s, found.p90_s)
        rows.append(
            Wait(system_id, *sizes_of_class(number), wait, as_of, f"{source}; {found.jobs:,} jobs of this size")
        )
    return tuple(rows)


def waits_as_toml(waits: Sequence[Wait]) -> str:
    """The text of the file that ``broker.read_waits`` reads; hours to the fourth decimal, about a third of a second."""
    document = tomlkit.document()
    document["schema"] = 1
    rows = tomlkit.aot()
    for wait in waits:
        row = tomlkit.table()
        row["system_id"] = wait.system_id
        row["devices_min"], row["devices_max"] = wait.devices_min, wait.devices_max
        for key, value_s in (("p10_h", wait.wait_s.low), ("p50_h", wait.wait_s.best), ("p90_h", wait.wait_s.high)):
            row[key] = round(value_s / SECONDS_PER_HOUR, 4)
        row["as_of"] = wait.as_of
        row["source"] = wait.source
        rows.append(row)
    document["waits"] = rows
    return tomlkit.dumps(document)
