"""A job as the command that starts it on this machine. Pure: nothing is started here."""

from __future__ import annotations

import shlex
from pathlib import Path

from stellwerk.launch.engines.local.files import LocalFiles
from stellwerk.launch.model import Job
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.training import contract

LOOPBACK = "127.0.0.1"


def render_command(job: Job, python: str, *, attempt: int = 1) -> tuple[str, ...]:
    """The arguments of torchrun under the interpreter ``python``, or the job's own command.

    ``--standalone`` finds a free port. The address is given because torchrun would otherwise look up the name of
    this machine, which a laptop or a container often cannot resolve.
    """
    program = job.program if attempt == 1 else (*job.program, *job.resume_arguments)
    if job.launcher == "none":
        return program
    return (
        python,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--local-addr={LOOPBACK}",
        f"--nproc-per-node={job.processes}",
        *program,
    )


def render_environment(job: Job, run: Path, *, attempt: int = 1) -> dict[str, str]:
    """What is added to the environment: the job's own variables, and what the run in folder ``run`` tells it."""
    directory = RunDirectory(run)
    return {
        **job.environment,
        contract.RUN_DIRECTORY: str(run),
        contract.METRICS: str(directory.metrics),
        contract.CHECKPOINTS: str(directory.checkpoints),
        contract.RESUME: "1" if attempt > 1 else "0",
        contract.STOP_FILE: str(LocalFiles(run).stop),
        contract.STOP_SIGNAL: job.stop_signal,
        contract.PLAN: str(directory.plan),
    }


def render_script(job: Job, python: str, *, run: Path | None = None) -> str:
    """A shell script that does the same, for whoever wants to read or repeat what was started.

    ``run`` is the folder of the run, None for a job that needs none.
    """
    environment = job.environment if run is None else render_environment(job, run)
    variables = [f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
    place = [] if job.directory is None else [f"cd {shlex.quote(str(job.directory))}"]
    command = shlex.join(render_command(job, python))
    return "\n".join(
        ["#!/bin/sh", "set -eu", *variables, *place, f"exec {command} >{shlex.quote(str(job.log))} 2>&1", ""]
    )
