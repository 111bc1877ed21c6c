"""What runs beside a program, inside its supervisor: a meter for its energy, a reader of its log.

The supervisor calls ``start`` before the program starts, ``sample`` about once a second, and ``stop`` after its last
process has ended. None of them may block for more than some milliseconds. What they raise is written to the
supervisor's log and ends the companion, never the run. Durations are theirs to take, from the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stellwerk.launch.engine import EnergySource
from stellwerk.launch.model import Job
from stellwerk.launch.run_directory import RunDirectory


class Companion(Protocol):
    """Something that keeps watch beside one attempt."""

    def start(self) -> None:
        """Before the program starts."""

    def sample(self) -> None:
        """About once a second."""

    def stop(self) -> None:
        """After the program's last process ended; the files of the run are whole."""


@dataclass(frozen=True, slots=True)
class Energy:
    """What one attempt took so far, and where the figure comes from. None: not known."""

    energy_j: float | None = None
    source: EnergySource | None = None


class Meter(Companion, Protocol):
    """A companion that knows the energy."""

    def energy(self) -> Energy:
        """Since ``start``; asked for at any time, also after ``stop``."""


def readers_for(directory: Path, job: Job) -> Sequence[Companion]:
    """What else watches a run in ``directory``: readers that turn its log into metrics."""
    if job.log_pattern is None:
        return ()
    from stellwerk.launch.programs.log_reader import LogReader  # most runs write their metrics themselves

    return (LogReader(job.log, RunDirectory(directory).metrics, job.log_pattern),)
