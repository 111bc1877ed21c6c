"""Columns of a data file as numbers: seconds, bytes, counts; and as texts with codes.

Where a value is at fault, the first one is named with its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.files import load_polars
from stellwerk.records.mapping import CLOCK, EPOCH_UNITS, ISO, SINCE_ZERO, ColumnMapping, ColumnSource
from stellwerk.records.model import JOB_STATES, MISSING, Int64s
from stellwerk.records.rows import MAX_NUMBER
from stellwerk.records.sacct_values import state as slurm_state

if TYPE_CHECKING:
    import polars

Texts = tuple[NDArray[np.int32], Sequence[str]]

_CLOCK_TEXT = (
    r"^(?:([0-9]{1,6})-([0-9]{1,9})(?::([0-9]{1,9}))?(?::([0-9]{1,9}))?"
    r"|([0-9]{1,9})(?::([0-9]{1,9}))?(?::([0-9]{1,9}))?)(?:\.[0-9]+)?$"
)
_DAY_AND_MINUTE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"
_ISO_TEXT = _DAY_AND_MINUTE + r"(?::[0-9]{2}(?:\.[0-9]{1,9})?)?$"
_ISO_WITH_OFFSET = _DAY_AND_MINUTE + r":[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})$"


@dataclass(frozen=True, slots=True)
class Place:
    """Where values come from, for what is said about them."""

    file: Path
    column: str
    line: Int64s

    def refuse(self, row: int, problem: str, value: object, allowed: str | list[str] | None = None) -> NoReturn:
        key = f"line {self.line[row]}: {self.column}"
        raise InputError(problem, file=self.file, key=key, value=value, allowed=allowed)


def amounts(values: polars.Series, source: ColumnSource, limit: int, place: Place) -> Int64s:
    """Whole seconds, bytes or a count, ``MISSING`` where the data say nothing."""
    pl = load_polars()
    known = _without(values, source.missing)
    if known.dtype == pl.Duration:
        numbers = known.dt.total_microseconds().cast(pl.Float64) / 1e6
    elif source.factor is None:
        numbers = _clock(known, place).cast(pl.Float64)
    else:
        numbers = _numbers(known, place) * source.factor
    found = numbers.fill_null(MISSING).to_numpy()
    wrong = np.flatnonzero(~(found >= 0) & numbers.is_not_null().to_numpy() | (found > limit))
    if len(wrong):
        place.refuse(int(wrong[0]), "cannot be meant", values[int(wrong[0])], f"0 to {limit:,} after the unit")
    whole: Int64s = np.rint(found).astype(np.int64)
    return whole


def whole_numbers(values: polars.Series, source: ColumnSource, place: Place) -> Int64s:
    """Ids: whole numbers from 0, exact, ``MISSING`` where the data say nothing."""
    pl = load_polars()
    known = _without(values, source.missing)
    numbers = _castable(known, place).cast(pl.Int64, strict=False)
    _refuse_lost(known, numbers, place, "is no whole number; leave job_id out, and the rows are numbered")
    found: Int64s = numbers.fill_null(MISSING).to_numpy()
    wrong = np.flatnonzero((found < 0) & numbers.is_not_null().to_numpy())
    if len(wrong):
        place.refuse(int(wrong[0]), "is negative", values[int(wrong[0])])
    return found


def instants(values: polars.Series, source: ColumnSource, place: Place) -> tuple[Int64s, Int64s]:
    """Seconds since 1970 (or since the log's zero), ``MISSING`` where the data say nothing: first and second reading
    of each, which differ in the hour that a clock shows twice when summer time ends."""
    pl = load_polars()
    known = _without(values, source.missing)
    if source.time in EPOCH_UNITS or source.time == SINCE_ZERO:
        numbers = (_numbers(known, place) / EPOCH_UNITS.get(source.time or "", 1)).floor()
        _refuse_far(numbers, values, place)
        seconds = numbers.cast(pl.Int64).fill_null(MISSING).to_numpy()
        return seconds, seconds
    times = _times(known, source, place)
    zone = getattr(times.dtype, "time_zone", None) or source.timezone
    if zone is None:
        raise InputError(
            "its times stand on a clock, and nothing says where",
            file=place.file,
            key=place.column,
            allowed='timezone = "…" in the mapping or as an argument: Europe/Berlin, UTC',
        )
    if getattr(times.dtype, "time_zone", None):
        seconds = _epoch(times, values, place)
        return seconds, seconds
    readings = [
        times.dt.replace_time_zone(zone, ambiguous=which, non_existent="null") for which in ("earliest", "latest")
    ]
    _refuse_lost(times, readings[0], place, f"no clock of {zone} has shown this time", values)
    return _epoch(readings[0], values, place), _epoch(readings[1], values, place)


def texts(values: polars.Series, source: ColumnSource, place: Place) -> Texts:
    """Codes, and the words that they stand for."""
    pl = load_polars()
    known = _without(_castable(values, place).cast(pl.String), source.missing)
    words = known.drop_nulls().unique(maintain_order=True)
    return _coded(known, words, list(range(len(words)))), words.to_list()


def states(values: polars.Series, source: ColumnSource, mapping: ColumnMapping, place: Place) -> Texts:
    """The codes in ``JOB_STATES``. Raises InputError for a word that is neither Slurm's nor one of the mapping."""
    pl = load_polars()
    known = _without(_castable(values, place).cast(pl.String).str.strip_chars(), source.missing)
    found = known.drop_nulls().unique(maintain_order=True)
    code = []
    for word in found:
        if word.casefold() in mapping.states:
            state = mapping.states[word.casefold()]
        else:
            state = slurm_state(word)
            if state is None:
                place.refuse(
                    int((known == word).arg_max() or 0),
                    f"no such state; say what it means in [states] of {mapping.file.name}",
                    word,
                    list(JOB_STATES),
                )
        code.append(MISSING if state is None else JOB_STATES.index(state))
    return _coded(known, found, code), JOB_STATES


def _coded(values: polars.Series, words: polars.Series, code: list[int]) -> NDArray[np.int32]:
    pl = load_polars()
    if not len(words):
        return np.full(len(values), MISSING, np.int32)
    numbers = values.replace_strict(words, pl.Series(code, dtype=pl.Int32), default=None)
    found: NDArray[np.int32] = numbers.fill_null(MISSING).to_numpy()
    return found


def _without(values: polars.Series, missing: tuple[str | int | float, ...]) -> polars.Series:
    """The column with nothing where one of ``missing`` stands: texts in columns of texts, numbers in both."""
    pl = load_polars()
    if values.dtype == pl.String:
        unwanted = values.is_in([str(value) for value in missing])
    elif values.dtype.is_numeric():
        numbers = [float(value) for value in missing if not isinstance(value, str)]
        unwanted = values.cast(pl.Float64).is_in(numbers)
    else:
        return values
    found: polars.Series = pl.select(pl.when(~unwanted).then(values).alias(values.name)).to_series()
    return found


def _castable(values: polars.Series, place: Place) -> polars.Series:
    """The column, where it is one of texts or numbers; raises InputError where it is of another type."""
    pl = load_polars()
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        return values.cast(pl.String)
    if values.dtype in (pl.String, pl.Boolean, pl.Null) or values.dtype.is_numeric():
        return values
    raise InputError(
        "is of a type that cannot be read here",
        file=place.file,
        key=place.column,
        value=str(values.dtype),
        allowed="texts or numbers",
    )


def _numbers(values: polars.Series, place: Place) -> polars.Series:
    pl = load_polars()
    known = _castable(values, place)
    if known.dtype == pl.String:
        known = known.str.strip_chars()
    numbers = known.cast(pl.Float64, strict=False)
    _refuse_lost(values, numbers, place, "is no number")
    return numbers


def _refuse_lost(
    given: polars.Series, read: polars.Series, place: Place, problem: str, shown: polars.Series | None = None
) -> None:
    """Raises InputError for the first value that reading lost."""
    lost = np.flatnonzero((given.is_not_null() & read.is_null()).to_numpy())
    if len(lost):
        row = int(lost[0])
        place.refuse(row, problem, (given if shown is None else shown)[row])


def _clock(values: polars.Series, place: Place) -> polars.Series:
    """Seconds of durations as Slurm writes them; minutes where only one number stands."""
    pl = load_polars()
    text = _castable(values, place).cast(pl.String).str.strip_chars()
    parts = pl.select(text.str.extract(_CLOCK_TEXT, group).cast(pl.Int64).alias(str(group)) for group in range(1, 8))
    seconds: polars.Series = parts.select(
        pl.when(pl.col("1").is_not_null())
        .then(pl.col("1") * 86400 + pl.col("2") * 3600 + pl.col("3").fill_null(0) * 60 + pl.col("4").fill_null(0))
        .when(pl.col("7").is_not_null())
        .then(pl.col("5") * 3600 + pl.col("6") * 60 + pl.col("7"))
        .when(pl.col("6").is_not_null())
        .then(pl.col("5") * 60 + pl.col("6"))
        .otherwise(pl.col("5") * 60)
    ).to_series()
    _refuse_lost(values, seconds, place, f"is no duration in {CLOCK}")
    return seconds


def _times(values: polars.Series, source: ColumnSource, place: Place) -> polars.Series:
    """Instants as polars' type of them, with a zone where the data have one."""
    pl = load_polars()
    if isinstance(values.dtype, pl.Datetime):
        return values
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us"))
    if source.time is None:
        raise InputError(
            "the mapping says not how its times are written",
            file=place.file,
            key=place.column,
            value=str(values.dtype),
            allowed=f"time = one of {', '.join((*EPOCH_UNITS, SINCE_ZERO, ISO))}, or a format",
        )
    text = _castable(values, place).cast(pl.String).str.strip_chars()
    times = _formatted(text, source.time, place) if source.time != ISO else _iso(text)
    _refuse_lost(values, times, place, f"is no time written as {source.time}")
    return times


def _formatted(text: polars.Series, time_format: str, place: Place) -> polars.Series:
    pl = load_polars()
    try:
        return text.str.to_datetime(time_format, strict=False, time_unit="us", exact=True)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"the mapping's format of its times cannot be: {str(error).splitlines()[0]}",
            file=place.file,
            key=place.column,
            value=time_format,
            allowed="day, month and year; hour and minute, or neither",
        ) from None


def _iso(text: polars.Series) -> polars.Series:
    pl = load_polars()
    with_offset = text.str.contains(_ISO_WITH_OFFSET).fill_null(False)
    blank = text.str.replace("T", " ", literal=True)
    if with_offset.any():
        known: polars.Series = pl.select(pl.when(with_offset).then(blank)).to_series()
        utc = known.str.replace(r"Z$", "+00:00")
        return utc.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", strict=False, time_unit="us", time_zone="UTC")
    known = pl.select(pl.when(text.str.contains(_ISO_TEXT)).then(blank)).to_series()
    full: polars.Series = known.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    return full.fill_null(known.str.to_datetime("%Y-%m-%d %H:%M", strict=False, time_unit="us"))


def _epoch(times: polars.Series, values: polars.Series, place: Place) -> Int64s:
    seconds = times.dt.epoch("s")
    _refuse_far(seconds, values, place)
    found: Int64s = seconds.fill_null(MISSING).to_numpy()
    return found


def _refuse_far(seconds: polars.Series, values: polars.Series, place: Place) -> None:
    far = np.flatnonzero(~seconds.is_between(0, MAX_NUMBER).fill_null(True).to_numpy())
    if len(far):
        allowed = f"0 to {MAX_NUMBER:,} s after 1970, or after the log's own zero"
        place.refuse(int(far[0]), "is too far away to be meant", values[int(far[0])], allowed)
