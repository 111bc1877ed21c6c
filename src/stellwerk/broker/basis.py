"""What the estimates for a workload rest on, whatever the offer."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.messages import Reason
from stellwerk.workload import Architecture, Serving, Workload


def basis_of(workload: Workload) -> tuple[Reason, ...]:
    """What has to be known of every figure for the workload: that nothing of its kind was measured, where that is so.

    The intervals of a training are wider then (``planner.step_time_spread``); those of a service are a judgement for
    any model, and what they were compared with is dense.
    """
    parts = ", ".join(_unmeasured(workload.architecture))
    if not parts:
        return ()
    if isinstance(workload.task, Serving):
        return (Reason("no_compared_service", {"architecture": parts}),)
    return (Reason("no_measured_architecture", {"architecture": parts}),)


def _unmeasured(architecture: Architecture) -> Iterator[str]:
    if architecture.experts is not None:
        yield "experts"
    if architecture.latent_attention is not None:
        yield "latent_attention"
