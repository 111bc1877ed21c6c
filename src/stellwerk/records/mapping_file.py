"""Reads a mapping file (docs/job-mappings.md)."""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stellwerk.errors import InputError, InputErrors, did_you_mean, nearest_match
from stellwerk.files import read_toml
from stellwerk.records.builder import INT32_COLUMNS
from stellwerk.records.mapping import (
    CLOCK,
    DURATION_UNITS,
    DURATIONS,
    EPOCH_UNITS,
    INSTANTS,
    ISO,
    SINCE_ZERO,
    SIZE_UNITS,
    TARGETS,
    ColumnMapping,
    ColumnSource,
    Per,
)
from stellwerk.records.model import JOB_STATES
from stellwerk.records.rows import MAX_NUMBER
from stellwerk.records.sacct_values import MAX_BYTES
from stellwerk.workload.boundary import Section, read_section

_LIMIT_BYTES = 2**20
_TIMES = (*EPOCH_UNITS, SINCE_ZERO, ISO)
_TIME_WORDS = f"{', '.join(_TIMES)}, or a format such as %d.%m.%Y %H:%M:%S"
_FORMAT = re.compile(r"(?:[^%]*%[YmdHMSfyjbBzpIT])+[^%]*")
_MISSING_WORDS = "a list of texts and numbers that stand for no value"

Column = Annotated[
    str | None, Field(min_length=1, max_length=200, description="the name of a column of the data, in quotes")
]
Missing = Annotated[list[str | int | float] | None, Field(max_length=100, description=_MISSING_WORDS)]
Zone = Annotated[str | None, Field(description="an IANA time zone such as Europe/Berlin or UTC")]
NumberValue = Annotated[
    int | None, Field(ge=0, le=MAX_NUMBER, description=f"a whole number from 0 to {MAX_NUMBER:,}, for all rows")
]


CountValue = Annotated[
    int | None, Field(ge=0, le=2**31 - 1, description="a whole number from 0 to 2,147,483,647, for all rows")
]


class MappingFile(Section):
    schema_: Annotated[int, Field(alias="schema", ge=1, le=1, description="1")]
    columns: Annotated[dict[str, Any], Field(description="a table [columns]")]
    states: Annotated[dict[str, str], Field(description="a table [states] of texts")] = Field(default_factory=dict)
    separator: Annotated[
        Literal[",", ";", "|", "\t"], Field(description="what separates the columns of a CSV file")
    ] = ","
    timezone: Zone = None
    missing: Missing = None
    source: Annotated[
        str | None, Field(min_length=1, max_length=500, description="where the data come from, in words")
    ] = None


class Entry(Section):
    column: Column = None
    missing: Missing = None


class IdEntry(Entry):
    pass


class InstantEntry(Entry):
    time: Annotated[str | None, Field(min_length=1, max_length=100, description=_TIME_WORDS)] = None
    timezone: Zone = None


class DurationEntry(Entry):
    value: NumberValue = None
    unit: Annotated[
        Literal["ms", "s", "min", "h", "d", "d-hh:mm:ss"], Field(description=", ".join((*DURATION_UNITS, CLOCK)))
    ] = "s"


class MemoryEntry(Entry):
    value: NumberValue = None
    unit: Annotated[
        Literal["B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"], Field(description=", ".join(SIZE_UNITS))
    ] = "B"
    per: Annotated[Per | None, Field(description="node or processor")] = None


class CountEntry(Entry):
    value: CountValue = None
    per: Annotated[Literal["node"] | None, Field(description="node")] = None


class TextEntry(Entry):
    value: Annotated[str | None, Field(min_length=1, max_length=200, description="a text, for all rows")] = None


def read_mapping(path: Path) -> ColumnMapping:
    """The mapping file at ``path``; raises InputErrors with every mistake in it."""
    file = read_section(MappingFile, read_toml(path, limit_bytes=_LIMIT_BYTES), file=path, key=None)
    errors: list[InputError] = []
    columns: dict[str, ColumnSource] = {}
    for name, values in file.columns.items():
        try:
            columns[name] = _source(name, values, file, path)
        except InputErrors as mistakes:
            errors.extend(mistakes.errors)
        except InputError as mistake:
            errors.append(mistake)
    errors += _wrong_zone(file.timezone, path, "timezone")
    errors += _wrong_states(file.states, path)
    if "submit" not in file.columns:
        errors.append(InputError("is missing", file=path, key="columns.submit", allowed="when a job was submitted"))
    errors += _mixed_zeros(columns, path)
    if errors:
        raise InputErrors(errors)
    states = {word.casefold(): state or None for word, state in file.states.items()}
    return ColumnMapping(path, columns, states, file.separator, file.source)


def _source(name: str, values: object, file: MappingFile, path: Path) -> ColumnSource:
    key = f"columns.{name}"
    if name not in TARGETS:
        meant = nearest_match(name, TARGETS)
        problem = f"unknown key, did you mean {meant!r}?" if meant else "unknown key"
        raise InputError(problem, file=path, key=key, allowed=", ".join(TARGETS))
    if isinstance(values, str):
        values = {"column": values}
    if not isinstance(values, dict):
        raise InputError(
            "this value cannot stand here",
            file=path,
            key=key,
            value=values if isinstance(values, int | float) else type(values).__name__,
            allowed='the name of a column of the data in quotes, or a table such as { column = "NAME" }',
        )
    entry = read_section(_section(name), values, file=path, key=key)
    value = getattr(entry, "value", None)
    if (entry.column is None) == (value is None):
        kinds = "column or value, one of them" if hasattr(entry, "value") else "column"
        raise InputError("says not where the values come from", file=path, key=key, allowed=kinds)
    missing = file.missing if entry.missing is None else entry.missing
    source = ColumnSource(column=entry.column, value=value, missing=("", *(missing or ())))
    return _with_meaning(source, entry, file, path, key)


def _section(name: str) -> type[Entry]:
    if name == "job_id":
        return IdEntry
    if name == "memory":
        return MemoryEntry
    for names, section in ((INSTANTS, InstantEntry), (DURATIONS, DurationEntry), (INT32_COLUMNS, CountEntry)):
        if name in names:
            return section
    return TextEntry


def _with_meaning(source: ColumnSource, entry: Entry, file: MappingFile, path: Path, key: str) -> ColumnSource:
    if isinstance(entry, InstantEntry):
        errors = [*_wrong_time(entry.time, path, f"{key}.time"), *_wrong_zone(entry.timezone, path, f"{key}.timezone")]
        if errors:
            raise InputErrors(errors)
        return replace(source, time=entry.time, timezone=entry.timezone or file.timezone)
    if key == "columns.state" and source.value is not None and source.value not in JOB_STATES:
        raise InputError(
            "no such state", file=path, key=f"{key}.value", value=source.value, allowed=", ".join(JOB_STATES)
        )
    if isinstance(entry, DurationEntry):
        source = replace(source, factor=DURATION_UNITS.get(entry.unit))
        _refuse_large(source, MAX_NUMBER, path, key)
    if isinstance(entry, MemoryEntry):
        source = replace(source, factor=SIZE_UNITS[entry.unit], per=entry.per)
        _refuse_large(source, MAX_BYTES, path, key)
    if isinstance(entry, CountEntry):
        return replace(source, per=entry.per)
    return source


def _refuse_large(source: ColumnSource, limit: int, path: Path, key: str) -> None:
    if source.value is not None and float(source.value) * (source.factor or 60) > limit:
        raise InputError("is too large to be meant", file=path, key=f"{key}.value", value=source.value)


def _wrong_time(time: str | None, path: Path, key: str) -> list[InputError]:
    if time is None or time in _TIMES or _FORMAT.fullmatch(time):
        return []
    problem = f"is no way to write a time{did_you_mean(time, _TIMES)}"
    return [InputError(problem, file=path, key=key, value=time, allowed=_TIME_WORDS)]


def _wrong_zone(zone: str | None, path: Path, key: str) -> list[InputError]:
    if zone is None or zone in _zones():
        return []
    return [InputError("no such time zone", file=path, key=key, value=zone, allowed=_zones())]


@functools.cache
def _zones() -> list[str]:
    return sorted(zoneinfo.available_timezones())


def _wrong_states(states: Mapping[str, str], path: Path) -> list[InputError]:
    return [
        InputError(
            f"no such state{did_you_mean(state, JOB_STATES)}",
            file=path,
            key=f"states.{word}",
            value=state,
            allowed=f"{', '.join(JOB_STATES)}, or an empty text where the word says nothing",
        )
        for word, state in states.items()
        if state and state not in JOB_STATES
    ]


def _mixed_zeros(columns: Mapping[str, ColumnSource], path: Path) -> list[InputError]:
    """Instants from the log's own zero stand beside no dated ones."""
    submit = columns.get("submit")
    if submit is None:
        return []
    return [
        InputError("cannot be compared with submit", file=path, key=f"columns.{name}.time", value=columns[name].time)
        for name in INSTANTS
        if name in columns and (columns[name].time == SINCE_ZERO) != (submit.time == SINCE_ZERO)
    ]
