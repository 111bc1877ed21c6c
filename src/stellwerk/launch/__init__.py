"""How a plan runs: the job, the engine that starts it, and the comparison with what was planned.

Names are imported when they are asked for: the list of runs and the supervisor beside a run need no planner.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stellwerk.launch.companions import Companion, Energy, Meter
    from stellwerk.launch.comparison import Comparison, compare
    from stellwerk.launch.engine import ACTIVE, RESUMABLE, Engine, RunState, RunStatus, Usage
    from stellwerk.launch.first_run import (
        FirstRun,
        job_to_measure,
        machine_from_rates,
        measuring_job,
        plan_first_run,
        training_job,
    )
    from stellwerk.launch.model import Job
    from stellwerk.launch.result import result_record
    from stellwerk.launch.run_directory import RunDirectory, prepare_run_directory

__all__ = [
    "ACTIVE",
    "RESUMABLE",
    "Companion",
    "Comparison",
    "Energy",
    "Engine",
    "FirstRun",
    "Job",
    "Meter",
    "RunDirectory",
    "RunState",
    "RunStatus",
    "Usage",
    "compare",
    "job_to_measure",
    "machine_from_rates",
    "measuring_job",
    "plan_first_run",
    "prepare_run_directory",
    "result_record",
    "training_job",
]

_MODULES = {
    "companions": ("Companion", "Energy", "Meter"),
    "comparison": ("Comparison", "compare"),
    "engine": ("ACTIVE", "RESUMABLE", "Engine", "RunState", "RunStatus", "Usage"),
    "first_run": (
        "FirstRun",
        "job_to_measure",
        "machine_from_rates",
        "measuring_job",
        "plan_first_run",
        "training_job",
    ),
    "model": ("Job",),
    "result": ("result_record",),
    "run_directory": ("RunDirectory", "prepare_run_directory"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
