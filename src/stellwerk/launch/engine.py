"""What every place that runs a job can do, by the same few verbs."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from stellwerk.launch.model import Job
from stellwerk.messages import Reason

RunState = Literal["waiting", "running", "stopping", "finished", "stopped", "failed", "cancelled", "interrupted"]
"""``stopped``: asked to (limit, cancel) and ended well, can go on. ``failed``: ended by itself, badly.
``interrupted``: gone without a word (killed, machine restarted), can go on."""

ACTIVE: tuple[RunState, ...] = ("waiting", "running", "stopping")
RESUMABLE: tuple[RunState, ...] = ("stopped", "failed", "cancelled", "interrupted")


EnergySource = Literal["nvml", "rapl", "estimate"]


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a run stands. Instants are UTC and zone-aware."""

    state: RunState
    attempt: int
    """1 for the first."""
    since: datetime.datetime
    """When it got into this state."""
    exit_code: int | None = None
    reason: Reason | None = None
    """Why it ended, where that is known."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run took so far, over all attempts."""

    wall_s: float
    device_s: float
    """Wall time x processes."""
    energy_j: float | None
    energy_source: EnergySource | None


class Engine(Protocol):
    """One place. A run is known by its directory; what the engine needs to find it again lies in there."""

    name: str

    def submit(self, job: Job, directory: Path, *, key: str) -> RunStatus:
        """Starts the job, or goes on with it where an earlier attempt ended. Submitting ``key`` again while it waits or
        runs, or after it finished, starts nothing. Raises InputError where the directory belongs to another key."""

    def status(self, directories: Sequence[Path]) -> Mapping[Path, RunStatus]:
        """Of many runs at once; what is no run is left out."""

    def cancel(self, directory: Path, *, at_once: bool = False) -> None:
        """Asks the program to write a checkpoint and stop, and kills it after the job's ``stop_before_s``."""

    def logs(self, directory: Path, *, follow: bool = False) -> Iterator[str]:
        """Lines of what the program printed, oldest first; with ``follow`` until the run ends."""

    def usage(self, directory: Path) -> Usage:
        """What it took so far."""
