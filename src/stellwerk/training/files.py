"""The JSON files through which the training processes and whoever started them speak to each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.training.model import (
    FineTuning,
    ModelDetails,
    Optimization,
    Outcome,
    Rates,
    RopeScaling,
    SpikeGuard,
    TrainingJob,
)
from stellwerk.workload.model import architecture_from_values

T = TypeVar("T")


def write_json(path: Path, record: Any) -> None:
    """Writes a dataclass or a JSON object as a whole or not at all."""
    content = record if isinstance(record, dict) else asdict(record)
    write_whole(path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_job(path: Path) -> TrainingJob:
    """Raises InputError where the file is none that this version wrote, as do the readers below."""
    return _read(path, job_from_values)


def job_from_values(values: Mapping[str, Any]) -> TrainingJob:
    """The job that ``dataclasses.asdict`` wrote down; raises TypeError for keys that it does not have."""
    details, tuning, guard = values["details"], values["fine_tuning"], values["spike_guard"]
    scaling = details["rope_scaling"]
    return TrainingJob(
        **{
            **values,
            "architecture": architecture_from_values(values["architecture"]),
            "optimization": Optimization(**values["optimization"]),
            "details": ModelDetails(**{**details, "rope_scaling": RopeScaling(**scaling) if scaling else None}),
            "fine_tuning": FineTuning(**tuning) if tuning else None,
            "spike_guard": SpikeGuard(**guard) if guard else None,
        }
    )


def read_rates(path: Path) -> Rates:
    return _read(path, lambda values: Rates(**values))


def read_outcome(path: Path) -> Outcome:
    return _read(path, lambda values: Outcome(**values))


def _read(path: Path, build: Callable[[dict[str, Any]], T]) -> T:
    try:
        return build(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot be read by this version: {type(error).__name__}: {error}", file=path) from None
