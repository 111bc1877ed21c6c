"""Read an overlay that somebody hands in (docs/calibrate.md)."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from stellwerk.errors import InputError, InputErrors
from stellwerk.files import read_toml
from stellwerk.planner.calibration.overlay import Factor, Overlay, OverlayRun, factor_priors
from stellwerk.planner.model import Software
from stellwerk.workload.boundary import Flag, Number, Section, read_section

MAX_FILE_BYTES = 10_000_000
MOST = 100.0
"""By which a factor may change a constant, up or down; beyond, the runs are of something else."""

Text = Annotated[str, Field(min_length=1, max_length=500, description="text")]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits")]
Seconds = Annotated[Number, Field(gt=0, le=1e9, allow_inf_nan=False, description="seconds, above 0")]
Row = Annotated[dict[str, Any], Field(description="a table")]


class OverlayFile(Section):
    schema_: Annotated[int, Field(alias="schema", ge=1, le=1, description="1")]
    system: Annotated[str, Field(min_length=1, description="the id of a system or product of the catalogue")]
    accelerator: Annotated[str, Field(min_length=1, description="the id of an accelerator of the catalogue")]
    software: Software
    made: Annotated[datetime.date, Field(description="a date without quotes, such as 2027-03-01")]
    planner_model: Text
    constants_sha256: Hash
    factors: Row
    runs: Annotated[list[Row], Field(min_length=1, description="tables [[runs]]")]


class FactorTable(Section):
    factor: Annotated[
        Number, Field(ge=1 / MOST, le=MOST, allow_inf_nan=False, description=f"from {1 / MOST:g} to {MOST:g}")
    ]
    sd: Annotated[Number, Field(gt=0, le=10, allow_inf_nan=False, description="above 0, at most 10")]
    identified: Flag


class RunTable(Section):
    id: Text
    measured_s: Seconds
    before_s: Seconds
    after_s: Seconds


def read_overlay(path: Path) -> Overlay:
    """Raises InputErrors with every mistake: unknown keys and factors, values out of their range."""
    file = read_section(OverlayFile, read_toml(path, limit_bytes=MAX_FILE_BYTES), file=path, key=None)
    names = [prior.name for prior in factor_priors()]
    mistakes: list[InputError] = []
    factors: dict[str, Factor] = {}
    runs: list[OverlayRun] = []
    for name, values in file.factors.items():
        if name not in names:
            mistakes.append(InputError("no such factor", file=path, key=f"factors.{name}", allowed=names))
            continue
        try:
            one = read_section(FactorTable, _table(values), file=path, key=f"factors.{name}")
            factors[name] = Factor(one.factor, one.sd, one.identified)
        except InputErrors as errors:
            mistakes += errors.errors
    mistakes += [
        InputError("is missing", file=path, key=f"factors.{name}", allowed="a table with factor, sd and identified")
        for name in names
        if name not in file.factors
    ]
    for number, values in enumerate(file.runs):
        try:
            run = read_section(RunTable, values, file=path, key=f"runs[{number}]")
            runs.append(OverlayRun(run.id, run.measured_s, run.before_s, run.after_s))
        except InputErrors as errors:
            mistakes += errors.errors
    if mistakes:
        raise InputErrors(mistakes)
    return Overlay(
        system=file.system,
        accelerator=file.accelerator,
        software=file.software,
        factors={name: factors[name] for name in names},
        runs=tuple(runs),
        made=file.made,
        planner_model=file.planner_model,
        constants_sha256=file.constants_sha256,
    )


def _table(values: Any) -> dict[str, Any]:
    """What stands where a table should, as a table whose keys are then missing."""
    return values if isinstance(values, dict) else {}
