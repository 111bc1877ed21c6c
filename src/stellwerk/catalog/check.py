"""Turns what pydantic and the references of the catalogue find wrong into errors that a person can mend."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stellwerk.errors import InputError, did_you_mean

M = TypeVar("M", bound=BaseModel)


def checked(
    model: type[M], content: Any, file: Path, where: str, errors: list[InputError], also_allowed: Iterable[str] = ()
) -> M | None:
    """``content`` as a model, or None with one error for each thing that is wrong.

    ``also_allowed`` are keys that another model takes; an error about an unknown key names them too.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        errors.extend(_as_input_error(problem, model, file, where, also_allowed) for problem in problems)
        return None


def unknown_reference(kind: str, value: str, known: Iterable[str], file: Path, key: str) -> InputError:
    """``value`` names no ``kind`` of the catalogue; the error names the nearest one."""
    return InputError(f"no such {kind}{did_you_mean(value, known)}", file=file, key=key, value=value)


def _as_input_error(
    problem: Any, model: type[BaseModel], file: Path, where: str, also_allowed: Iterable[str]
) -> InputError:
    location, value = problem["loc"], problem["input"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in (where, *location)).lstrip(".")
    if problem["type"] == "extra_forbidden":
        keys = [*_keys_at(model, location[:-1]), *(also_allowed if len(location) == 1 else ())]
        return InputError("unknown key", file=file, key=key, value=str(location[-1]), allowed=keys)
    if problem["type"] == "missing":
        return InputError("missing", file=file, key=key)
    if problem["type"] == "literal_error":
        return InputError("not one of the allowed values", file=file, key=key, value=value, allowed=_literals(problem))
    if problem["type"] == "value_error" and isinstance(value, dict):  # about several keys of a table
        value = None
    return InputError(_sentence(problem), file=file, key=key, value=value)


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at a place inside ``model`` allows."""
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            break
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)


def _literals(problem: Any) -> list[str]:
    text: str = problem["ctx"]["expected"]
    return [word.strip("'") for word in text.replace(" or ", ", ").split(", ")]


def _sentence(problem: Any) -> str:
    message: str = problem["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]
