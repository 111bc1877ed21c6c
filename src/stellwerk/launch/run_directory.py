"""The folder of one run and the names of the files in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stellwerk.errors import InputError


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where one run reads and writes."""

    path: Path

    @property
    def job(self) -> Path:
        return self.path / "job.json"

    @property
    def rates(self) -> Path:
        return self.path / "rates.json"

    @property
    def measure_log(self) -> Path:
        return self.path / "measure.log"

    @property
    def script(self) -> Path:
        """The command as a shell script."""
        return self.path / "command.sh"

    @property
    def log(self) -> Path:
        """What the training processes print."""
        return self.path / "training.log"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def outcome(self) -> Path:
        return self.path / "outcome.json"

    @property
    def failure(self) -> Path:
        """Why the training stopped, where it knows."""
        return self.path / "failure.txt"

    @property
    def result(self) -> Path:
        return self.path / "result.json"


def prepare_run_directory(path: Path) -> RunDirectory:
    """Makes the folder, and takes away what an earlier run in it reported, so that nothing old passes for new.

    Raises InputError where no folder can be made or written to.
    """
    directory = RunDirectory(path.absolute())
    try:
        directory.path.mkdir(parents=True, exist_ok=True)
        for file in (directory.metrics, directory.outcome, directory.failure, directory.result):
            file.unlink(missing_ok=True)
        directory.job.touch()
    except OSError as error:
        raise InputError(f"cannot be used as a run directory: {error.strerror}", file=path) from None
    return directory
