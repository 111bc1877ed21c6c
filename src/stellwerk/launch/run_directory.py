"""The folder of one run and the names of the files in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where one run reads and writes."""

    path: Path

    @property
    def workload(self) -> Path:
        """The workload file as the person wrote it."""
        return self.path / "workload.toml"

    @property
    def resolved(self) -> Path:
        """What was made of it: every value, and what decides the run."""
        return self.path / "workload.json"

    @property
    def plan(self) -> Path:
        """What is expected (``Expectation``)."""
        return self.path / "plan.json"

    @property
    def rates(self) -> Path:
        """What was measured of the machine before the plan was made."""
        return self.path / "rates.json"

    @property
    def environment(self) -> Path:
        """Versions of everything, and the hardware."""
        return self.path / "environment.lock"

    @property
    def job(self) -> Path:
        """What the reference program is told (``TrainingJob``)."""
        return self.path / "job.json"

    @property
    def script(self) -> Path:
        """The command as a shell script."""
        return self.path / "command.sh"

    @property
    def state(self) -> Path:
        """Where the run stands; the engine's."""
        return self.path / "state.json"

    @property
    def log(self) -> Path:
        """What the processes print, over all attempts."""
        return self.path / "run.log"

    @property
    def measure_log(self) -> Path:
        return self.path / "measure.log"

    @property
    def metrics(self) -> Path:
        """One line per step (``StepMetrics``)."""
        return self.path / "metrics.jsonl"

    @property
    def profile(self) -> Path:
        """A closer look at some steps (``StepProfile``)."""
        return self.path / "profile.jsonl"

    @property
    def prometheus(self) -> Path:
        """The latest metrics as Prometheus text."""
        return self.path / "metrics.prom"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def energy(self) -> Path:
        return self.path / "energy.jsonl"

    @property
    def outcome(self) -> Path:
        """What the program reports at its end (``Outcome``)."""
        return self.path / "outcome.json"

    @property
    def failure(self) -> Path:
        """Why the training stopped, where it knows."""
        return self.path / "failure.txt"

    @property
    def run_record(self) -> Path:
        """The finished run as a row of the table of training runs."""
        return self.path / "run-record.csv"

    @property
    def result(self) -> Path:
        """Planned and measured, over all attempts."""
        return self.path / "result.json"
