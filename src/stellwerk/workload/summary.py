"""What follows from a workload, and the table of published models, as plain dictionaries for JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from stellwerk.catalog.facts import Claim
from stellwerk.workload.architecture import count_parameters, flops_per_token
from stellwerk.workload.model import Workload
from stellwerk.workload.published import PublishedModel


def workload_as_dict(workload: Workload) -> dict[str, Any]:
    """Everything the file says, with parameters by part, FLOPs by part, steps and totals."""
    training, limits = workload.training, workload.limits
    parameters = count_parameters(workload.architecture)
    flops = flops_per_token(workload.architecture, training.sequence_length)
    return {
        "name": workload.name,
        "model_name": workload.model_name,
        "as_of": workload.as_of.isoformat() if workload.as_of else None,
        "architecture": dataclasses.asdict(workload.architecture),
        "parameters": dataclasses.asdict(parameters)
        | {"non_embedding": parameters.non_embedding, "total": parameters.total},
        "flops_per_token": dataclasses.asdict(flops) | {"forward": flops.forward, "training": flops.training},
        "training": dataclasses.asdict(training)
        | {
            "tokens_per_step": training.tokens_per_step,
            "steps": training.steps,
            "flops": flops.training * training.tokens,
        },
        "limits": {
            "duration_s": limits.duration_s,
            "deadline": limits.deadline.isoformat() if limits.deadline else None,
            "budget": {"amount": str(limits.budget.amount), "currency": limits.budget.currency}
            if limits.budget
            else None,
        },
        "applicant": dataclasses.asdict(workload.applicant),
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
