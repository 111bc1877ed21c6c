"""The request that the options of `stellwerk match` make, in the place of a workload file."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from stellwerk.cli.mistakes import naming_options
from stellwerk.workload import (
    Draft,
    Request,
    ServingRequest,
    TrainingRequest,
    draft_workload,
    parse_applicant,
)

MAX_DAYS = 36_500
"""The century that a file may name at most."""

OPTIONS = {
    "model.name": "--model",
    "finetuning.method": "--finetune",
    "serving.users": "--users",
    "serving.concurrent_requests": "--concurrent-requests",
    "serving.duration": "--days",
    "limits.duration": "--days",
    "limits.deadline": "--deadline",
    "limits.budget": "--budget",
    "data.sensitivity": "--sensitivity",
    "data.locations": "--data-in",
    "data.certificates": "--certificate",
    **{f"applicant.{key}": "--as" for key in ("kind", "country", "state", "institution", "career_stage")},
    **{
        f"{section}.{key}": option
        for section in ("training", "finetuning")
        for key, option in {
            "tokens": "--tokens",
            "sequence_length": "--sequence-length",
            "global_batch_tokens": "--batch-tokens",
            "precision": "--precision",
        }.items()
    },
}
"""Which option says what in the file stands at a key."""


def draft_from_options(*, model: str | None, applicant: str | None, days: float | None, **others: Any) -> Draft:
    """The workload that the options ask for; raises InputErrors that name the options, not the keys of a file."""
    duration = None if days is None else f"{Decimal(str(days)).normalize():f}d"  # 1e3 is "1000d", not "1e+03d"
    task = _task_from_options(others)
    if model is None or task is None or applicant is None:
        raise click.UsageError(
            "what is to be judged? Give FILE, or --model, --as and --tokens (or --serve and --users)"
        )
    if isinstance(task, ServingRequest):
        task, duration = replace(task, duration=duration), None
    with naming_options(OPTIONS):
        return draft_workload(Request(model, task, parse_applicant(applicant), duration, **others), Path())


def _task_from_options(options: dict[str, Any]) -> TrainingRequest | ServingRequest | None:
    """What is to be done, taken out of ``options``; None where it is not said."""
    training = {name: options.pop(name) for name in ("tokens", "sequence_length", "batch_tokens", "precision")}
    method, serve = options.pop("finetune"), options.pop("serve")
    service = {name: options.pop(name) for name in ("users", "concurrent_requests")}
    trains = method is not None or any(value is not None for value in training.values())
    serves = serve or any(value is not None for value in service.values())
    if trains and serves:
        raise click.UsageError(
            "a workload has one task: give either --serve with --users, or --tokens with its options"
        )
    if serve and service["users"] is not None:
        return ServingRequest(**service)
    return TrainingRequest(**training, method=method) if training["tokens"] is not None else None
