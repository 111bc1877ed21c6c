"""A sweep beyond one machine: a folder with its scenarios, its Slurm job array and the results that came in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from stellwerk.errors import InputError, RunError
from stellwerk.files import read_text, write_whole
from stellwerk.measures import About, render_array_job

_MAX_RESULT_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class SweepFolder:
    """``sweep.json`` says what is swept, ``job.sh`` is the array, ``submitted`` holds its id, ``results`` an outcome
    per scenario."""

    path: Path

    def keep(self, number: int, outcome: dict[str, Any]) -> None:
        write_whole(self._result(number), json.dumps(outcome, allow_nan=False).encode())

    def result(self, number: int, changes: list[str]) -> dict[str, Any] | None:
        """The outcome of a scenario, None where it is not there yet; raises InputError for one of another sweep."""
        path = self._result(number)
        if not path.exists():
            return None
        try:
            outcome = json.loads(read_text(path, limit_bytes=_MAX_RESULT_BYTES))
            found = outcome["changes"]
        except (ValueError, TypeError, KeyError):
            raise InputError("is no outcome of a scenario", file=path) from None
        if found != changes:
            raise InputError("is the outcome of another scenario", file=path, key="changes", value=found)
        return dict(outcome)

    def describe(self, sweep: dict[str, Any]) -> None:
        """Write down what is swept; raises InputError where the folder holds another sweep."""
        path = self.path / "sweep.json"
        content = json.dumps(sweep, indent=1) + "\n"
        if path.exists() and read_text(path, limit_bytes=_MAX_RESULT_BYTES) != content:
            raise InputError("holds another sweep", file=path, allowed="a new folder for --sweep-dir")
        write_whole(path, content.encode())

    @property
    def job(self) -> Path:
        return self.path / "job.sh"

    @property
    def submitted(self) -> Path:
        return self.path / "submitted"

    def _result(self, number: int) -> Path:
        return self.path / "results" / f"{number}.json"


def run_in_folder(folder: SweepFolder, scenarios: Sequence[list[str]], about: About) -> list[dict[str, Any]] | None:
    """The outcomes of all scenarios where they have come in; else submits the job array, or says what is missing.

    Raises RunError where sbatch refuses the job.
    """
    folder.describe({"schema": 1, "log": about.log, "sha256": about.sha256, "scenarios": list(scenarios)})
    results = [folder.result(number, changes) for number, changes in enumerate(scenarios)]
    missing = [number for number, result in enumerate(results) if result is None]
    if not missing:
        return [result for result in results if result is not None]
    if folder.submitted.exists():
        click.echo(f"{len(scenarios) - len(missing)} of {len(scenarios)} scenarios are done; the same command goes on.")
        click.echo(f"To run the others again: sbatch --array={_ranges(missing)} {folder.job}")
        return None
    program = shutil.which("stellwerk") or sys.argv[0]
    text = render_array_job(
        [program, *sys.argv[1:]],
        scenarios=len(scenarios),
        folder=folder.path.resolve(),
        working_folder=Path.cwd(),
    )
    write_whole(folder.job, text.encode())
    (folder.path / "logs").mkdir(exist_ok=True)
    if shutil.which("sbatch") is None:
        click.echo(f"No sbatch on this machine. On one that has it: sbatch {folder.job}")
        click.echo("Then the same command again collects the outcomes.")
        return None
    ended = subprocess.run(["sbatch", "--parsable", str(folder.job)], capture_output=True, text=True, check=False)  # noqa: S607 - the one that the user's PATH names
    if ended.returncode != 0:
        raise RunError(f"sbatch refused {folder.job}: {ended.stderr.strip()}")
    write_whole(folder.submitted, ended.stdout.encode())
    click.echo(
        f"Submitted {len(scenarios)} scenarios as job {ended.stdout.strip()}; the same command again collects them."
    )
    return None


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as Slurm writes them: ``0-2,5``."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
