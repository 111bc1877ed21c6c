"""What follows from a workload, and the table of published models, as plain dictionaries for JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from stellwerk.catalog.facts import Claim
from stellwerk.workload.architecture import (
    count_parameters,
    flops_per_token,
    kv_cache_elements_per_token,
    training_flops_per_token,
)
from stellwerk.workload.model import Serving, Workload
from stellwerk.workload.published import PublishedModel


def workload_as_dict(workload: Workload) -> dict[str, Any]:
    """Everything the file says, with parameters by part, and for a training FLOPs by part, steps and totals."""
    limits = workload.limits
    parameters = count_parameters(workload.architecture)
    return {
        "name": workload.name,
        "model_name": workload.model_name,
        "as_of": workload.as_of.isoformat() if workload.as_of else None,
        "architecture": dataclasses.asdict(workload.architecture),
        "parameters": dataclasses.asdict(parameters)
        | {"non_embedding": parameters.non_embedding, "active": parameters.active, "total": parameters.total},
        "kv_cache_elements_per_token": kv_cache_elements_per_token(workload.architecture),
        **_task_as_dict(workload),
        "limits": {
            "duration_s": limits.duration_s,
            "deadline": limits.deadline.isoformat() if limits.deadline else None,
            "budget": {"amount": str(limits.budget.amount), "currency": limits.budget.currency}
            if limits.budget
            else None,
        },
        "data": dataclasses.asdict(workload.data),
        "run": _paths_as_text(dataclasses.asdict(workload.run)),
        "program": _paths_as_text(dataclasses.asdict(workload.program)) if workload.program else None,
        "applicant": dataclasses.asdict(workload.applicant),
    }


def _paths_as_text(values: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def _task_as_dict(workload: Workload) -> dict[str, Any]:
    task = workload.task
    if isinstance(task, Serving):
        return {"serving": dataclasses.asdict(task)}
    flops = flops_per_token(workload.architecture, task.sequence_length)
    return {
        "flops_per_token": dataclasses.asdict(flops) | {"forward": flops.forward, "training": flops.training},
        "training": dataclasses.asdict(task)
        | {
            "tokens_per_step": task.tokens_per_step,
            "steps": task.steps,
            "flops": training_flops_per_token(workload.architecture, task) * task.tokens,
        },
    }


def published_model_as_dict(model: PublishedModel) -> dict[str, Any]:
    """One row of the table: what its source states, what is counted here, and where both were read."""
    return {
        "name": model.name,
        "title": model.title,
        "parameters": model.parameters.value,
        "rounded_to": model.rounded_to,
        "counted_parameters": count_parameters(model.architecture).total,
        "parameters_source": _source_as_dict(model.parameters),
        "architecture": dataclasses.asdict(model.architecture),
        "architecture_source": _source_as_dict(model.architecture_claim),
        "note": model.note,
    }


def _source_as_dict(claim: Claim[Any]) -> dict[str, Any]:
    source = claim.source
    return {"urls": list(source.urls), "as_of": source.as_of, "evidence": source.evidence, "note": claim.note}
