"""Reads the file of waiting times (docs/waits.md)."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from stellwerk.broker.waits import Wait, Waits
from stellwerk.errors import InputError, InputErrors, did_you_mean
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload.boundary import Number, Section, Size, read_section

Hours = Annotated[Number, Field(ge=0, le=1e6, allow_inf_nan=False, description="hours, 0 or more")]
Row = Annotated[dict[str, Any], Field(description="a table [[waits]]")]


class WaitsFile(Section):
    schema_: Annotated[int, Field(alias="schema", ge=1, le=1, description="1")]
    waits: Annotated[list[Row], Field(description="tables [[waits]]")] = Field(default_factory=list)


class WaitRow(Section):
    system_id: Annotated[str, Field(description="the id of a system of the catalogue")]
    devices_min: Size
    devices_max: Size
    p10_h: Hours
    p50_h: Hours
    p90_h: Hours
    as_of: Annotated[datetime.date, Field(description="a date without quotes, such as 2027-03-01")]
    source: Annotated[str, Field(min_length=1, max_length=500, description="who measured or simulated it, in words")]


def waits_in(values: dict[str, Any], path: Path, systems: Collection[str]) -> Waits:
    """The waits in the parsed TOML ``values`` of ``path``; raises InputErrors with every mistake."""
    rows = read_section(WaitsFile, values, file=path, key=None).waits
    errors: list[InputError] = []
    by_system: dict[str, list[tuple[str, Wait]]] = {}
    for number, values_of_row in enumerate(rows):
        where = f"waits[{number}]"
        try:
            wait = _wait(read_section(WaitRow, values_of_row, file=path, key=where), where, path, systems)
        except InputErrors as mistakes:
            errors.extend(mistakes.errors)
            continue
        known = by_system.setdefault(wait.system_id, [])
        errors.extend(_overlaps(wait, known, where, path))
        known.append((where, wait))
    if errors:
        raise InputErrors(errors)
    return Waits({name: tuple(wait for _, wait in waits) for name, waits in by_system.items()})


def _wait(row: WaitRow, where: str, path: Path, systems: Collection[str]) -> Wait:
    errors = []
    if row.system_id not in systems:
        problem = f"no such system{did_you_mean(row.system_id, systems)}"
        errors.append(InputError(problem, file=path, key=f"{where}.system_id", value=row.system_id))
    for lower, upper in (("p10_h", "p50_h"), ("p50_h", "p90_h"), ("devices_min", "devices_max")):
        if getattr(row, lower) > getattr(row, upper):
            allowed = f"at least {lower} = {getattr(row, lower):g}"
            key, value = f"{where}.{upper}", getattr(row, upper)
            errors.append(InputError("is too small", file=path, key=key, value=value, allowed=allowed))
    if errors:
        raise InputErrors(errors)
    hours = Interval(row.p10_h, row.p50_h, row.p90_h)
    return Wait(row.system_id, row.devices_min, row.devices_max, hours * SECONDS_PER_HOUR, row.as_of, row.source)


def _overlaps(wait: Wait, known: list[tuple[str, Wait]], where: str, path: Path) -> Iterator[InputError]:
    for other_where, other in known:
        if wait.devices_min <= other.devices_max and other.devices_min <= wait.devices_max:
            problem = f"holds for sizes that {other_where} holds for, too ({other.devices_min} to {other.devices_max})"
            yield InputError(problem, file=path, key=f"{where}.devices_min", value=wait.devices_min)
