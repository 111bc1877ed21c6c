"""A workload from a few words: what is left out is filled in, and every value that was filled in is listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from stellwerk.errors import InputError
from stellwerk.units import format_count, parse_count
from stellwerk.workload.architecture import count_parameters
from stellwerk.workload.migrate import SCHEMA
from stellwerk.workload.model import ApplicantKind, Architecture, Workload

USUAL_SEQUENCE_LENGTH = 4096
TOKENS_PER_PARAMETER = 20
"""Compute-optimal by Hoffmann et al. (2022), arXiv:2203.15556, table 3."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person says, as the file has it ("300B", "90d", "500000 EUR"); None where nothing is said.

    ``model`` is a name of the table, or the sizes by the keys of the file's ``[model]``.
    """

    model: str | Mapping[str, object]
    tokens: str
    kind: str
    country: str | None = None
    state: str | None = None
    sequence_length: int | None = None
    batch_tokens: str | None = None
    precision: str | None = None
    duration: str | None = None
    budget: str | None = None


@dataclass(frozen=True, slots=True)
class FilledIn:
    """A value that nobody named: the key of the file, the value (None: left out), and the code of the reason."""

    key: str
    value: str | int | None
    why: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A request made whole: the workload, the values of its file by section, and what was filled in."""

    workload: Workload
    sections: Mapping[str, Any]
    filled_in: tuple[FilledIn, ...]


def draft_workload(request: Request, file: Path) -> Draft:
    """The workload that ``request`` asks for, checked by the rules of the file; ``file`` is named in errors.

    Raises InputErrors with every mistake, keys as in the file. Defaults: docs/workload.md.
    """
    # pydantic takes longer to import than the rest of the room, and is needed only when values are checked.
    from stellwerk.workload.assemble import assemble_workload, read_model

    model = {"name": request.model} if isinstance(request.model, str) else dict(request.model)
    try:
        architecture = read_model(model, file)
    except InputError:  # assemble_workload says it together with the other mistakes
        architecture = None
    filled_in = tuple(_filled_in(request, architecture))
    added: dict[str, Any] = {one.key: one.value for one in filled_in if one.value is not None}
    sections: dict[str, Any] = {
        "model": model,
        "training": {
            "tokens": request.tokens,
            "sequence_length": added.get("training.sequence_length", request.sequence_length),
            "global_batch_tokens": added.get("training.global_batch_tokens", request.batch_tokens),
            "precision": added.get("training.precision", request.precision),
        },
        "limits": _without_none(duration=request.duration, budget=request.budget),
        "applicant": _without_none(
            kind=request.kind, country=added.get("applicant.country", request.country), state=request.state
        ),
    }
    top = {"schema": SCHEMA} | _without_none(name=added.get("name"))
    return Draft(assemble_workload(top | sections, file), top | sections, filled_in)


def parse_applicant(text: str) -> tuple[str, str | None, str | None]:
    """Kind, country and state from ``kind[:country or state]``, such as ``startup`` or ``academia:DE-SN``.

    Raises InputError for an address: which programmes admit somebody does not follow from it.
    """
    kinds = ", ".join(get_args(ApplicantKind))
    if "@" in text:
        raise InputError(
            "an address does not say for certain what kind of applicant somebody is",
            key="applicant.kind",
            value=text,
            allowed=f"one of {kinds}, with a country or state where it matters: academia:DE-SN",
        )
    kind, _, place = text.partition(":")
    return kind, place.split("-")[0] or None, place if "-" in place else None


def suggested_tokens(architecture: Architecture) -> str:
    """About 20 tokens per parameter and at least a million, in the short form of the file."""
    tokens = max(TOKENS_PER_PARAMETER * count_parameters(architecture).total, 1_000_000)
    short = format_count(tokens)
    return str(tokens) if "e" in short else short


def _filled_in(request: Request, architecture: Architecture | None) -> Iterator[FilledIn]:
    if isinstance(request.model, str) and architecture is not None:
        yield FilledIn("name", request.model, "name")
    sequence_length = request.sequence_length
    if sequence_length is None:
        length = _usual_sequence_length(architecture)
        sequence_length = int(length.value or 0)
        yield length
    if request.batch_tokens is None:
        yield _usual_batch(architecture, sequence_length, _count(request.tokens))
    if request.precision is None:
        yield FilledIn("training.precision", "bf16", "precision")
    if request.duration is None:
        yield FilledIn("limits.duration", None, "duration")
    if request.budget is None:
        yield FilledIn("limits.budget", None, "budget")
    if request.country is None:
        yield FilledIn("applicant.country", "DE", "country")
    if request.state is None:
        yield FilledIn("applicant.state", None, "state")


def _usual_sequence_length(architecture: Architecture | None) -> FilledIn:
    positions = architecture.positions if architecture else 0
    if 0 < positions < USUAL_SEQUENCE_LENGTH:
        return FilledIn("training.sequence_length", positions, "sequence_length_positions")
    return FilledIn("training.sequence_length", USUAL_SEQUENCE_LENGTH, "sequence_length")


def _usual_batch(architecture: Architecture | None, sequence_length: int, tokens: int | None) -> FilledIn:
    batch, why = _published_batch(architecture)
    while tokens is not None and 2 * batch > tokens and batch > sequence_length:
        batch, why = max(batch // 2, sequence_length), "batch_short"
    if batch < sequence_length:
        batch, why = sequence_length, "batch_one_sequence"
    return FilledIn("training.global_batch_tokens", _short_count(batch), why)


def _published_batch(architecture: Architecture | None) -> tuple[int, str]:
    parameters = count_parameters(architecture).total if architecture else float("inf")
    if parameters < 1e9:
        return 500_000, "batch_0_5m"
    if parameters < 3e9:
        return 1_000_000, "batch_1m"
    return 4_000_000, "batch_4m"


def _count(text: str) -> int | None:
    try:
        return parse_count(text)
    except (ValueError, OverflowError):  # assemble_workload says it
        return None


def _short_count(count: int) -> str | int:
    """Whole thousands and millions with their letter, as the file may have them."""
    for letter, factor in (("M", 10**6), ("K", 10**3)):
        if count and count % factor == 0:
            return f"{count // factor}{letter}"
    return count


def _without_none(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
