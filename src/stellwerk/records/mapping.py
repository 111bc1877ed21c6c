"""What a mapping file says: which column of a data file feeds which column of the job table (docs/job-mappings.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stellwerk.records.builder import INT32_COLUMNS, TEXT_COLUMNS

INSTANTS = ("submit", "eligible", "start", "end")
DURATIONS = ("wait", "run", "limit")
TARGETS = ("job_id", *INSTANTS, *DURATIONS, "memory", *INT32_COLUMNS, *TEXT_COLUMNS)
"""The keys of ``[columns]``."""

DURATION_UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds in a unit of time."""
CLOCK = "d-hh:mm:ss"
"""The unit word of durations written as Slurm writes them: minutes, mm:ss, hh:mm:ss, d-hh, d-hh:mm, d-hh:mm:ss."""
SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
"""Bytes in a unit of memory."""
EPOCH_UNITS = {"epoch_s": 1, "epoch_ms": 10**3, "epoch_us": 10**6, "epoch_ns": 10**9}
"""Parts of a second since 1970 in UTC."""
SINCE_ZERO = "since_zero_s"
"""Seconds from the log's own zero, which nobody dates."""
ISO = "iso"
"""2024-02-29T13:45:00, or with a blank for the T; fractions of a second, Z and offsets may follow."""

Per = Literal["node", "processor"]


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """Where one column of the job table comes from: a column of the data, or one value for all rows.

    ``factor`` turns a number into seconds or bytes (None: a duration in ``CLOCK``); ``time`` says how an instant is
    written (None: as the data's own type of time) and ``timezone`` where its clock stood; ``missing`` lists what
    stands for no value; ``per`` says that the number holds for each of something.
    """

    column: str | None = None
    value: str | int | float | None = None
    factor: float | None = 1.0
    time: str | None = None
    timezone: str | None = None
    missing: tuple[str | int | float, ...] = ()
    per: Per | None = None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """A mapping file; ``states`` turns the data's words into ``JOB_STATES``, None where a word says nothing."""

    file: Path
    columns: Mapping[str, ColumnSource]
    states: Mapping[str, str | None]
    separator: str = ","
    source: str | None = None
