"""What the estimates for a workload rest on, whatever the offer."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.messages import Reason
from stellwerk.workload import Architecture, Training, Workload


def basis_of(workload: Workload) -> tuple[Reason, ...]:
    """What has to be known of every figure for the workload: that measurements of its kind were met less well, or that
    there are none.

    The intervals of a training are wider then (``planner.estimate.spread_terms``); those of a service are a judgement
    for any model, and what they were compared with is dense.
    """
    if isinstance(workload.task, Training):
        kinds = ", ".join(_less_accurate(workload.architecture, workload.task))
        return (Reason("less_accurate_training", {"kind": kinds}),) if kinds else ()
    parts = ", ".join(_uncompared(workload.architecture))
    return (Reason("no_compared_service", {"architecture": parts}),) if parts else ()


def _less_accurate(architecture: Architecture, training: Training) -> Iterator[str]:
    if architecture.experts is not None:
        yield "experts"
    if training.trains_adapters:
        yield "adapters"


def _uncompared(architecture: Architecture) -> Iterator[str]:
    if architecture.experts is not None:
        yield "experts"
    if architecture.latent_attention is not None:
        yield "latent_attention"
