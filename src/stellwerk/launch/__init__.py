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
    from stellwerk.launch.environment import environment_lock
    from stellwerk.launch.expectation import Expectation, read_expectation
    from stellwerk.launch.local_run import (
        LocalRun,
        Place,
        job_to_measure,
        machine_from_rates,
        measuring_job,
        place_on,
        plan_local_run,
        reference_job,
    )
    from stellwerk.launch.model import Job
    from stellwerk.launch.result import result_record, write_result
    from stellwerk.launch.run_directory import RunDirectory
    from stellwerk.launch.run_files import check_same_run, read_name, read_what_decided, write_run_files
    from stellwerk.launch.run_key import key_of, what_decides
    from stellwerk.launch.run_record import Attempt, RunRecord

__all__ = [
    "ACTIVE",
    "RESUMABLE",
    "Attempt",
    "Companion",
    "Comparison",
    "Energy",
    "Engine",
    "Expectation",
    "Job",
    "LocalRun",
    "Meter",
    "Place",
    "RunDirectory",
    "RunRecord",
    "RunState",
    "RunStatus",
    "Usage",
    "check_same_run",
    "compare",
    "environment_lock",
    "job_to_measure",
    "key_of",
    "machine_from_rates",
    "measuring_job",
    "place_on",
    "plan_local_run",
    "read_expectation",
    "read_name",
    "read_what_decided",
    "reference_job",
    "result_record",
    "what_decides",
    "write_result",
    "write_run_files",
]

_MODULES = {
    "companions": ("Companion", "Energy", "Meter"),
    "comparison": ("Comparison", "compare"),
    "engine": ("ACTIVE", "RESUMABLE", "Engine", "RunState", "RunStatus", "Usage"),
    "environment": ("environment_lock",),
    "expectation": ("Expectation", "read_expectation"),
    "local_run": (
        "LocalRun",
        "Place",
        "job_to_measure",
        "machine_from_rates",
        "measuring_job",
        "place_on",
        "plan_local_run",
        "reference_job",
    ),
    "model": ("Job",),
    "result": ("result_record", "write_result"),
    "run_directory": ("RunDirectory",),
    "run_files": ("check_same_run", "read_name", "read_what_decided", "write_run_files"),
    "run_key": ("key_of", "what_decides"),
    "run_record": ("Attempt", "RunRecord"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
