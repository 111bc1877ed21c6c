"""The result file of a finished run."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stellwerk import __version__
from stellwerk.launch.comparison import Comparison
from stellwerk.launch.first_run import FirstRun
from stellwerk.planner import Plan
from stellwerk.training import Outcome, Rates, StepMetrics

SCHEMA = 1


def result_record(
    run: FirstRun,
    rates: Rates,
    metrics: Sequence[StepMetrics],
    outcome: Outcome,
    comparisons: Sequence[Comparison],
    *,
    as_of: datetime.datetime,
) -> dict[str, Any]:
    """Everything about a finished run as a JSON object. ``as_of`` is the instant of its end, zone-aware.

    Energy is absent: the power of this machine is not known.
    """
    return {
        "schema": SCHEMA,
        "as_of": as_of.isoformat(timespec="seconds"),
        "versions": {
            "stellwerk": __version__,
            "torch": outcome.torch_version,
            "python": platform.python_version(),
        },
        "workload": {
            "name": run.workload.name,
            "architecture": asdict(run.workload.architecture),
            "training": asdict(run.workload.training),
            "steps": run.job.steps,
            "steps_asked": run.steps_asked,
        },
        "machine": asdict(rates),
        "plan": _plan_record(run.plan),
        "measured": {
            "parameters": outcome.parameters,
            "tokens": metrics[-1].tokens,
            "first_loss": metrics[0].loss,
            "last_loss": metrics[-1].loss,
            "held_out_loss": outcome.held_out_loss,
            "held_out_tokens": outcome.held_out_tokens,
            "peak_memory_bytes": outcome.peak_memory_bytes,
            "base_memory_bytes": outcome.base_memory_bytes,
            "training_time_s": outcome.training_time_s,
        },
        "comparison": [comparison.as_dict() for comparison in comparisons],
        "text_sha256": outcome.text_sha256,
        "sample": outcome.sample,
    }


def _plan_record(plan: Plan) -> dict[str, Any]:
    return {
        "layout": asdict(plan.layout),
        "memory_parts_bytes": dict(plan.memory_parts_bytes),
        "step_parts_s": dict(plan.step_parts_s),
        "step_time_s": plan.step_time_s.as_dict(),
        "mfu": plan.mfu.as_dict(),
        "tokens_per_s": plan.tokens_per_s.as_dict(),
        "duration_s": plan.duration_s.as_dict(),
        "device_hours": plan.device_hours.as_dict(),
    }
