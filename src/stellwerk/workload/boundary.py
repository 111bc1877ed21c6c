"""Checking what a person wrote, with pydantic, and saying every mistake as an InputError."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from stellwerk.errors import InputError, InputErrors, nearest_match
from stellwerk.units import format_count
from stellwerk.workload.architecture import count_parameters
from stellwerk.workload.model import Architecture

MAX_PARAMETERS = 10**15
"""A thousand times the largest models of 2026; below it every product of sizes stays exact in 64 bits."""

MAX_SIZE = 10_000_000
MAX_LAYERS = 10_000

_SIZE = Field(ge=1, le=MAX_SIZE, description=f"a whole number from 1 to {MAX_SIZE:,}")
Size = Annotated[int, _SIZE]
OptionalSize = Annotated[int | None, _SIZE]
SizeOrZero = Annotated[int, Field(ge=0, le=MAX_SIZE, description=f"a whole number from 0 to {MAX_SIZE:,}")]
Layers = Annotated[int, Field(ge=1, le=MAX_LAYERS, description=f"a whole number from 1 to {MAX_LAYERS:,}")]
SomeLayers = Annotated[int, Field(ge=0, le=MAX_LAYERS, description="a number of layers")]
Flag = Annotated[bool, Field(description="true or false")]
Number = Annotated[float, BeforeValidator(lambda value: float(value) if type(value) is int else value)]
"""Strict, but 3 stands for 3.0 as people write it."""


class Section(BaseModel):
    """A table of a file: exactly these keys, exactly these types. A field's description says what may stand there."""

    # A file has few of the sections that there are; each is built when it is first met.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, validate_default=False, defer_build=True)


S = TypeVar("S", bound=Section)


def read_section(section: type[S], values: dict[str, Any], *, file: Path, key: str | None) -> S:
    """The table ``values`` at ``key`` as a ``section``; raises InputErrors with all that is wrong in it."""
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise InputErrors(_input_errors(section, error, file, key)) from None


def check_shape(
    architecture: Architecture,
    *,
    file: Path,
    section: str | None,
    heads_key: str,
    kv_heads_key: str,
    chosen_experts_key: str,
) -> None:
    """Raises InputError where sizes do not fit each other, or make a model too large to be meant."""
    heads, kv_heads = architecture.heads, architecture.kv_heads
    if heads % kv_heads:
        divisors = ", ".join(str(n) for n in range(1, min(heads, 512) + 1) if heads % n == 0)
        raise InputError(
            f"{heads_key} = {heads} cannot be divided by it",
            file=file,
            key=dotted(section, kv_heads_key),
            value=kv_heads,
            allowed=f"a divisor of {heads}: {divisors}",
        )
    if architecture.latent_attention and heads != kv_heads:
        raise InputError(
            "with latent attention every head has keys and values of its own",
            file=file,
            key=dotted(section, kv_heads_key),
            value=kv_heads,
            allowed=f"{heads}, or left out",
        )
    experts = architecture.experts
    if experts and experts.per_token > experts.routed:
        raise InputError(
            "is more than there are experts",
            file=file,
            key=dotted(section, chosen_experts_key),
            value=experts.per_token,
            allowed=f"1 to {experts.routed}",
        )
    if experts and architecture.expert_layers < 1:
        raise InputError(
            f"of {architecture.layers} layers none is left with experts",
            file=file,
            key=section,
            value=f"{experts.dense_layers} dense layers",
            allowed=f"0 to {architecture.layers - 1}",
        )
    parameters = count_parameters(architecture).total
    if parameters > MAX_PARAMETERS:
        raise InputError(
            f"these sizes make {format_count(parameters)} parameters, too many to be meant",
            file=file,
            key=section,
            allowed=f"at most {format_count(MAX_PARAMETERS)}",
        )


def derive_head_dim(
    hidden: int, heads: int, *, file: Path, section: str | None, hidden_key: str, heads_key: str
) -> int:
    """``hidden / heads``, for a model whose file states no head dimension; raises InputError for a remainder."""
    if hidden % heads:
        raise InputError(
            f"{hidden_key} = {hidden} cannot be divided by it",
            file=file,
            key=dotted(section, heads_key),
            value=heads,
            allowed=f"a divisor of {hidden}, or an explicit head_dim",
        )
    return hidden // heads


def dotted(section: str | None, key: str) -> str:
    return f"{section}.{key}" if section else key


def _input_errors(section: type[Section], error: ValidationError, file: Path, key: str | None) -> Iterator[InputError]:
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        if detail["type"] == "extra_forbidden":
            keys = [field.alias or field_name for field_name, field in section.model_fields.items()]
            meant = nearest_match(name, keys)
            problem = f"unknown key, did you mean {meant!r}?" if meant else "unknown key"
            yield InputError(problem, file=file, key=dotted(key, name), allowed=", ".join(keys))
        elif detail["type"] == "missing":
            yield InputError("is missing", file=file, key=dotted(key, name), allowed=_description(section, name))
        else:
            yield InputError(
                _problem(detail),
                file=file,
                key=dotted(key, name),
                value=_showable(detail["input"]),
                allowed=_allowed(section, name, detail),
            )


def _problem(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']:,}"
    if kind == "less_than_equal":
        return f"is too large to be meant, at most {context['le']:,}"
    if kind == "value":  # raised by a reader of ours, which says what is wrong
        return str(detail["msg"])
    return "this value cannot stand here"


def _allowed(section: type[Section], name: str, detail: ErrorDetails) -> str | list[str] | None:
    if detail["type"] == "literal_error":
        expected = str(detail["ctx"]["expected"])
        return re.findall(r"'([^']*)'", expected) or expected
    return detail.get("ctx", {}).get("allowed") or _description(section, name)


def _description(section: type[Section], name: str) -> str | None:
    for field_name, field in section.model_fields.items():
        if name == (field.alias or field_name):
            return field.description
    return None


def _showable(value: Any) -> Any:
    """The value as the file has it, or a stand-in where Python refuses to print it (an integer of 5,000 digits)."""
    if isinstance(value, (datetime.date, datetime.time)):
        return str(value)
    try:
        repr(value)
    except (ValueError, RecursionError):
        return "a value too long to print"
    return value
