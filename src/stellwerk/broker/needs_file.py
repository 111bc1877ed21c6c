"""Checks the lines of a file of needs (docs/needs.md): exactly these keys, so that no other word can stand there."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stellwerk.broker.model import Verdict
from stellwerk.broker.needs import AGAINST, NEED_SCHEMA, RegisteredNeed, is_need_line
from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.boundary import Flag, Number, Section, read_section
from stellwerk.workload.model import ApplicantKind, Method, Sensitivity

Amount = Annotated[Number, Field(ge=0, le=1e30, description="a number, 0 or more")]
Count = Annotated[int, Field(ge=0, le=10**9, description="a number of offers")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="a country of two letters, or EU")]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$", description="the code of a reason")]


class OffersLine(Section):
    possible: Count
    unknown: Count
    impossible: Count


class BestLine(Section):
    gpu_hours: Amount
    devices: Amount


class ReasonsLine(Section):
    unknown: Annotated[dict[Code, Count], Field(description="a number of offers for each code of a reason")]
    impossible: Annotated[dict[Code, Count], Field(description="a number of offers for each code of a reason")]


class NeedLine(Section):
    schema_: Annotated[str, Field(alias="schema", pattern=f"^{NEED_SCHEMA}$", description=NEED_SCHEMA)]
    day: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", description="a day, such as 2026-11-23")]
    applicant: Annotated[ApplicantKind, Field(description="a kind of applicant")]
    country: Country
    task: Annotated[Method | Literal["serving"], Field(description="pretraining, full, lora, qlora or serving")]
    parameters: Amount
    tokens: Amount | None = None
    sequence_length: Amount | None = None
    users: Amount | None = None
    concurrent_requests: Amount | None = None
    sensitivity: Annotated[Sensitivity, Field(description="a sensitivity of data")]
    locations: Annotated[list[Country], Field(description="a list of countries")]
    limit_days: Amount | None = None
    has_budget: Flag
    offers: Annotated[OffersLine, Field(description="numbers of offers by verdict")]
    best_possible: BestLine | None = None
    best_unknown: BestLine | None = None
    reasons: Annotated[ReasonsLine, Field(description="reasons by verdict")]


def needs_in(text: str, path: Path) -> tuple[RegisteredNeed, ...]:
    """The needs in the ``text`` of ``path``; raises InputErrors with every mistake and its line."""
    lines = text.split("\n")
    if text and not is_need_line(lines[0]):
        raise InputError("is no file of needs", file=path, allowed="one that match --register-need wrote")
    needs: list[RegisteredNeed] = []
    errors: list[InputError] = []
    for number, line in enumerate(lines[:-1] if not lines[-1] else lines, start=1):
        try:
            needs.append(_need(read_section(NeedLine, _parsed(line, number, path), file=path, key=f"line {number}")))
        except InputErrors as mistakes:
            errors.extend(mistakes.errors)
        except InputError as mistake:
            errors.append(mistake)
    if errors:
        raise InputErrors(errors)
    return tuple(needs)


def _parsed(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InputError("is no JSON object", file=path, key=f"line {number}", allowed="a line of --register-need")
    return values


def _need(line: NeedLine) -> RegisteredNeed:
    best = line.best_possible or line.best_unknown
    reasons: dict[Verdict, dict[str, int]] = {"unknown": line.reasons.unknown, "impossible": line.reasons.impossible}
    return RegisteredNeed(
        applicant=line.applicant,
        task=line.task,
        possible=line.offers.possible,
        unknown=line.offers.unknown,
        gpu_hours=best.gpu_hours if best else None,
        against=Counter({(verdict, code): n for verdict in AGAINST for code, n in reasons[verdict].items()}),
    )
