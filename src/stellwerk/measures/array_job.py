"""A sweep as a Slurm job array: the text of the job. Pure: nothing is written or submitted here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path


def render_array_job(command: Sequence[str], *, scenarios: int, folder: Path, working_folder: Path) -> str:
    """The batch script whose element N runs ``command`` with ``--scenario N`` in ``working_folder``.

    Whatever a centre asks for besides (account, partition, time) is given to ``sbatch`` on its command line or in its
    environment variables (SBATCH_ACCOUNT, …).
    """
    lines = [
        "#!/bin/bash",
        "#SBATCH --job-name=stellwerk-sweep",
        f"#SBATCH --array=0-{scenarios - 1}",
        "#SBATCH --ntasks=1",
        "#SBATCH --cpus-per-task=1",
        f"#SBATCH --chdir={_quoted(working_folder)}",
        f"#SBATCH --output={_quoted(folder / 'logs' / '%a.txt')}",
        "set -eu",
        "export OMP_NUM_THREADS=1",
        f'exec {shlex.join(command)} --scenario "$SLURM_ARRAY_TASK_ID"',
        "",
    ]
    return "\n".join(lines)


def _quoted(path: Path) -> str:
    """A path as an option of #SBATCH, which knows double quotes only."""
    text = str(path)
    return (
        '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if any(mark in text for mark in " \"'\\") else text
    )
