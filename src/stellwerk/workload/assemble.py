"""From the sections of ``workload.toml`` to a Workload, with the checks that span several values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.assemble_task import read_task, task_section
from stellwerk.workload.boundary import read_section
from stellwerk.workload.document import (
    ApplicantSection,
    DataSection,
    Document,
    LimitsSection,
    ModelByConfig,
    ModelByName,
)
from stellwerk.workload.huggingface import read_huggingface_config
from stellwerk.workload.model import Applicant, Architecture, DataNeeds, Limits, Serving, Training, Workload
from stellwerk.workload.places import GERMAN_STATES
from stellwerk.workload.program_request import read_program
from stellwerk.workload.published import published_models
from stellwerk.workload.run_request import check_run_fits, read_run
from stellwerk.workload.written_out import read_written_out_model

T = TypeVar("T")


def assemble_workload(values: dict[str, Any], file: Path) -> Workload:
    """The workload in the parsed TOML ``values`` of ``file``; raises InputErrors with every mistake."""
    problems: list[InputError] = []

    def read(table: object, reader: Callable[[dict[str, Any], Path], T]) -> T | None:
        if not isinstance(table, dict):  # Document says so
            return None
        try:
            return reader(table, file)
        except InputErrors as errors:
            problems.extend(errors.errors)
        except InputError as error:
            problems.append(error)
        return None

    document = read(values, _read_document)
    architecture = read(values.get("model"), read_model)
    task = read(values, read_task)
    limits = read(values.get("limits", {}), _read_limits)
    data = read(values.get("data", {}), _read_data)
    applicant = read(values.get("applicant"), _read_applicant)
    run = read(values.get("run", {}), read_run)
    program = read(values.get("program"), read_program)
    if document is None or architecture is None or task is None or limits is None or data is None or applicant is None:
        raise InputErrors(problems)
    if problems or run is None:  # of a section that may be left out
        raise InputErrors(problems)
    _check_positions(architecture, task, file)
    check_run_fits(run, task, file)
    return Workload(
        name=document.name or file.stem,
        architecture=architecture,
        task=task,
        limits=limits,
        applicant=applicant,
        model_name=document.model.get("name"),
        as_of=document.as_of,
        data=data,
        run=run,
        program=program,
    )


def _read_document(values: dict[str, Any], file: Path) -> Document:
    return read_section(Document, values, file=file, key=None)


def read_model(table: dict[str, Any], file: Path) -> Architecture:
    if ("name" in table) + ("config" in table) + bool(table.keys() & {"layers", "hidden", "heads"}) > 1:
        raise InputError(
            "the model is given in more than one way",
            file=file,
            key="model",
            value=", ".join(table),
            allowed="exactly one of: name; config; the sizes written out (layers, hidden, heads …)",
        )
    if "name" in table:
        return _model_by_name(read_section(ModelByName, table, file=file, key="model").name, file)
    if "config" in table:
        return _model_by_config(read_section(ModelByConfig, table, file=file, key="model").config, file)
    return read_written_out_model(table, file)


def _model_by_name(name: str, file: Path) -> Architecture:
    models = published_models()
    if name not in models:
        raise InputError(
            "no published model of this name is known (`stellwerk workload models` lists them)",
            file=file,
            key="model.name",
            value=name,
            allowed=list(models),
        )
    return models[name].architecture


def _model_by_config(config: str, file: Path) -> Architecture:
    if Path(config).is_absolute():
        raise InputError(
            "is an absolute path", file=file, key="model.config", value=config, allowed="a path relative to this file"
        )
    return read_huggingface_config(file.parent / config)


def _check_positions(architecture: Architecture, task: Training | Serving, file: Path) -> None:
    positions = architecture.positions
    longest, key = (
        (task.sequence_length, "sequence_length")
        if isinstance(task, Training)
        else (task.prompt_tokens + task.output_tokens, "prompt_tokens")
    )
    if positions and longest > positions:
        raise InputError(
            "is longer than the model's learned positions",
            file=file,
            key=f"{task_section(task)}.{key}",
            value=longest,
            allowed=f"at most {positions}",
        )


def _read_limits(table: dict[str, Any], file: Path) -> Limits:
    section = read_section(LimitsSection, table, file=file, key="limits")
    return Limits(duration_s=section.duration, deadline=section.deadline, budget=section.budget)


def _read_data(table: dict[str, Any], file: Path) -> DataNeeds:
    section = read_section(DataSection, table, file=file, key="data")
    return DataNeeds(
        sensitivity=section.sensitivity,
        locations=section.locations,
        jurisdictions=section.jurisdictions,
        certificates=tuple(section.certificates),
        storage_bytes=None if section.storage_tb is None else section.storage_tb * 1e12,
    )


def _read_applicant(table: dict[str, Any], file: Path) -> Applicant:
    section = read_section(ApplicantSection, table, file=file, key="applicant")
    country, state = section.country, section.state
    if state is not None and not state.startswith(f"{country}-"):
        raise InputError(
            f"is not a part of {country}",
            file=file,
            key="applicant.state",
            value=state,
            allowed=f"a code that starts with {country}-",
        )
    if country == "DE" and state is not None and state not in GERMAN_STATES:
        raise InputError("unknown state", file=file, key="applicant.state", value=state, allowed=GERMAN_STATES)
    said = {name: getattr(section, name) for name in type(section).model_fields}
    for name in ("partners", "grants"):
        said[name] = None if said[name] is None else tuple(said[name])
    return Applicant(**said)
