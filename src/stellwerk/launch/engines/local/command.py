"""A job as the command that starts it on this machine. Pure: nothing is started here."""

from __future__ import annotations

import shlex

from stellwerk.launch.model import Job

LOOPBACK = "127.0.0.1"


def render_command(job: Job, python: str) -> tuple[str, ...]:
    """The arguments of torchrun under the interpreter ``python``.

    ``--standalone`` finds a free port. The address is given because torchrun would otherwise look up the name of
    this machine, which a laptop or a container often cannot resolve.
    """
    return (
        python,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--local-addr={LOOPBACK}",
        f"--nproc-per-node={job.processes}",
        *job.program,
    )


def render_script(job: Job, python: str) -> str:
    """A shell script that does the same, for whoever wants to read or repeat what was started."""
    variables = [f"export {name}={shlex.quote(value)}" for name, value in sorted(job.environment.items())]
    command = shlex.join(render_command(job, python))
    return "\n".join(["#!/bin/sh", "set -eu", *variables, f"exec {command} >{shlex.quote(str(job.log))} 2>&1", ""])
