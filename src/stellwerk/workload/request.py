"""A workload from a few words: what is left out is filled in, and every value that was filled in is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.applicant_request import ApplicantRequest, applicant_section
from stellwerk.workload.filled_in import FilledIn, said_or
from stellwerk.workload.migrate import SCHEMA
from stellwerk.workload.model import Workload
from stellwerk.workload.serving_request import ServingRequest, serving_section
from stellwerk.workload.training_request import TrainingRequest, training_section


@dataclass(frozen=True, slots=True)
class Request:
    """What a person says, as the file has it ("90d", "500000 EUR"); None or empty where nothing is said.

    ``model`` is a name of the table, or the sizes by the keys of the file's ``[model]``.
    """

    model: str | Mapping[str, object]
    task: TrainingRequest | ServingRequest
    applicant: ApplicantRequest
    duration: str | None = None
    """Longest time of a training; how long a service runs is a part of its task."""
    deadline: str | None = None
    budget: str | None = None
    sensitivity: str | None = None
    locations: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A request made whole: the workload, the values of its file by section, and what was filled in."""

    workload: Workload
    sections: Mapping[str, Any]
    filled_in: tuple[FilledIn, ...]


def draft_workload(request: Request, file: Path) -> Draft:
    """The workload that ``request`` asks for, checked by the rules of the file; ``file`` is named in errors.

    Raises InputErrors with every mistake at what was said, keys as in the file. Defaults: docs/workload.md.
    """
    # pydantic takes longer to import than the rest of the room, and is needed only when values are checked.
    from stellwerk.workload.assemble import assemble_workload, read_model

    model = {"name": request.model} if isinstance(request.model, str) else dict(request.model)
    try:
        architecture = read_model(model, file)
    except InputError:  # assemble_workload says it together with the other mistakes
        architecture = None
    if isinstance(request.task, ServingRequest):
        task, task_values = "serving", serving_section(request.task, architecture)
    else:
        task, task_values = training_section(request.task, architecture)
    named = isinstance(request.model, str) and architecture is not None
    top = {"schema": SCHEMA, "name": FilledIn("name", str(request.model), "name") if named else None}
    tables = {
        "model": model,
        task: task_values,
        "limits": _limits(request),
        "data": _data(request),
        **({} if task == "serving" else {"run": {}}),
        "applicant": applicant_section(request.applicant),
    }
    sections = _values(top) | {name: _values(table) for name, table in tables.items()}
    filled_in = tuple(
        value for table in (top, *tables.values()) for value in table.values() if isinstance(value, FilledIn)
    )
    try:
        return Draft(assemble_workload(sections, file), sections, filled_in)
    except InputErrors as mistakes:
        raise InputErrors(_at_what_was_said(mistakes.errors, filled_in)) from None


def _limits(request: Request) -> dict[str, object]:
    limits: dict[str, object] = {
        "deadline": said_or(request.deadline, "limits.deadline", None, "deadline"),
        "budget": said_or(request.budget, "limits.budget", None, "budget"),
    }
    if isinstance(request.task, ServingRequest):
        return limits
    return {"duration": said_or(request.duration, "limits.duration", None, "duration")} | limits


def _data(request: Request) -> dict[str, object]:
    return {
        "sensitivity": said_or(request.sensitivity, "data.sensitivity", "public", "sensitivity"),
        "locations": said_or(list(request.locations) or None, "data.locations", None, "locations"),
        "certificates": said_or(list(request.certificates) or None, "data.certificates", None, "certificates"),
    }


def _at_what_was_said(mistakes: Sequence[InputError], filled_in: Sequence[FilledIn]) -> Sequence[InputError]:
    """Without those at values that nobody named, which follow from the others; alone they are kept."""
    nobody_named = {one.key for one in filled_in}
    return [mistake for mistake in mistakes if mistake.key not in nobody_named] or mistakes


def _values(table: Mapping[str, object]) -> dict[str, Any]:
    """What the file has: said and filled in alike, without what is left out."""
    values = {key: value.value if isinstance(value, FilledIn) else value for key, value in table.items()}
    return {key: value for key, value in values.items() if value is not None}
