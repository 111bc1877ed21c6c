"""From the sections of ``workload.toml`` to a Workload, with the checks that span several values."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.boundary import MAX_SIZE, read_section
from stellwerk.workload.document import (
    ApplicantSection,
    Document,
    LimitsSection,
    ModelByConfig,
    ModelByName,
    TrainingSection,
)
from stellwerk.workload.huggingface import read_huggingface_config
from stellwerk.workload.model import Applicant, Architecture, Limits, Training, Workload
from stellwerk.workload.places import GERMAN_STATES
from stellwerk.workload.published import published_models
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
    training = read(values.get("training"), _read_training)
    limits = read(values.get("limits", {}), _read_limits)
    applicant = read(values.get("applicant"), _read_applicant)
    if document is None or architecture is None or training is None or limits is None or applicant is None:
        raise InputErrors(problems)
    _check_positions(architecture, training, file)
    return Workload(
        name=document.name or file.stem,
        architecture=architecture,
        training=training,
        limits=limits,
        applicant=applicant,
        model_name=document.model.get("name"),
        as_of=document.as_of,
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


def _read_training(table: dict[str, Any], file: Path) -> Training:
    section = read_section(TrainingSection, table, file=file, key="training")
    training = Training(
        tokens=section.tokens,
        sequence_length=section.sequence_length,
        global_batch_sequences=_global_batch_sequences(section, file),
        precision=section.precision,
    )
    if training.tokens_per_step > training.tokens:
        raise InputError(
            f"one step would take {training.tokens_per_step:,} tokens, more than the whole training",
            file=file,
            key="training.tokens",
            value=training.tokens,
            allowed="at least one global batch",
        )
    return training


def _global_batch_sequences(section: TrainingSection, file: Path) -> int:
    sequences, tokens = section.global_batch_sequences, section.global_batch_tokens
    if sequences is not None and tokens is None:
        return sequences
    if tokens is None or sequences is not None:
        raise InputError(
            "the global batch must be given once",
            file=file,
            key="training",
            allowed="exactly one of: global_batch_sequences; global_batch_tokens",
        )
    sequences = _even_sequences(tokens, section.sequence_length)
    if sequences == 0:
        problem = f"is less than one sequence of {section.sequence_length:,} tokens"
    elif sequences > MAX_SIZE:
        problem = f"makes {sequences:,} sequences, too many to be meant"
    else:
        return sequences
    raise InputError(
        problem,
        file=file,
        key="training.global_batch_tokens",
        value=tokens,
        allowed=f"1 to {MAX_SIZE:,} times sequence_length",
    )


def _even_sequences(tokens: int, sequence_length: int) -> int:
    """Sequences in a batch of about ``tokens``: exact where that is a whole number, else the nearest 4 to 8 times 2^k.

    "4M" tokens are 976.6 sequences of 4,096, by which people mean 1,024; 977 is a prime and fits no number of devices.
    """
    if tokens < sequence_length or tokens % sequence_length == 0:
        return tokens // sequence_length
    sequences = tokens / sequence_length
    unit = 1 << max(math.floor(math.log2(sequences)) - 2, 0)
    return round(sequences / unit) * unit


def _check_positions(architecture: Architecture, training: Training, file: Path) -> None:
    if architecture.positions and training.sequence_length > architecture.positions:
        raise InputError(
            "is longer than the model's learned positions",
            file=file,
            key="training.sequence_length",
            value=training.sequence_length,
            allowed=f"at most {architecture.positions}",
        )


def _read_limits(table: dict[str, Any], file: Path) -> Limits:
    section = read_section(LimitsSection, table, file=file, key="limits")
    return Limits(duration_s=section.duration, deadline=section.deadline, budget=section.budget)


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
    return Applicant(kind=section.kind, country=country, state=state)
