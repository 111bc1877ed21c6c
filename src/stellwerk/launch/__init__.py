"""How a plan runs: the job, the engine that starts it, and the comparison with what was planned."""

from stellwerk.launch.comparison import Comparison, compare
from stellwerk.launch.engine import RESUMABLE, Engine, RunState, RunStatus, Usage
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
    "RESUMABLE",
    "Comparison",
    "Engine",
    "FirstRun",
    "Job",
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
