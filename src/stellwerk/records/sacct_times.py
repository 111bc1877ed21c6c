"""Times on a clock as seconds since 1970, through the nights on which the clock is changed."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.files import load_polars
from stellwerk.records.model import MISSING, Int64s
from stellwerk.records.rows import MAX_NUMBER
from stellwerk.records.sacct_values import NOTHING

if TYPE_CHECKING:
    import polars


class Instants(NamedTuple):
    """Seconds since 1970 UTC, ``MISSING`` where nothing stands; in the hour that a clock shows twice, ``second_s`` is
    the later of the two. ``in_gap``: no clock showed this time. ``unreadable``: no time at all."""

    first_s: Int64s
    second_s: Int64s
    in_gap: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]


def instants_s(text: polars.Series, timezone: str) -> Instants:
    """Times as ``2026-03-29T02:30:00`` on the clock of a time zone, or as seconds since 1970."""
    pl = load_polars()
    local = text.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="ms")
    readings = [local, local]
    in_gap = np.zeros(len(text), np.bool_)
    if timezone != "UTC":
        readings = [
            local.dt.replace_time_zone(timezone, ambiguous=which, non_existent="null")
            for which in ("earliest", "latest")
        ]
        in_gap = (local.is_not_null() & readings[0].is_null()).to_numpy()
    first_s, second_s = (reading.dt.epoch("s").fill_null(MISSING).to_numpy().copy() for reading in readings)
    unreadable = np.zeros(len(text), np.bool_)
    others = np.flatnonzero(local.is_null().to_numpy())
    if len(others):
        words = text.gather(others).str.strip_chars()
        epoch_s = words.cast(pl.Int64, strict=False).fill_null(MISSING).to_numpy()
        first_s[others] = second_s[others] = epoch_s
        nothing = words.str.to_lowercase().is_in([*NOTHING, "0"]).to_numpy()
        unreadable[others] = (epoch_s < 0) & ~nothing
    # Slurm shows 1970 where it has no time.
    for column in (first_s, second_s):
        unreadable |= column > MAX_NUMBER
        column[(column <= 0) | (column > MAX_NUMBER)] = MISSING
    return Instants(first_s, second_s, in_gap, unreadable)


def check_timezone(name: str) -> None:
    """Raises InputError for a name that is no IANA time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            "no such time zone", key="timezone", value=name, allowed="a name such as Europe/Berlin or UTC"
        ) from None
