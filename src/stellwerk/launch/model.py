"""What is to be started, independent of where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Job:
    """A program in several processes on one node that speak to each other.

    ``program`` is what each process runs under Python: ``("-m", module, argument, …)`` or ``(script, argument, …)``;
    another program than Python stands behind ``--no-python``; with the launcher ``none`` it is the whole command.
    ``environment`` adds to the environment of whoever starts the job. The output of all processes goes to ``log``.
    """

    program: tuple[str, ...]
    processes: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    launcher: Literal["torchrun", "none"] = "torchrun"
    directory: Path | None = None
    """Where the program runs; None: where it was started from."""
    resume_arguments: tuple[str, ...] = ()
    """Added to ``program`` from the second attempt on."""
    limit_s: float | None = None
    """Longest time of one attempt."""
    stop_before_s: float = 60.0
    """So long before the limit, and before it is killed on cancelling, the program is asked to stop; of a limit that
    is short, at the half of it."""
    stop_signal: Literal["TERM", "INT", "USR1", "USR2"] = "TERM"
    log_pattern: str | None = None
    """Finds steps and their loss in the log, for the metrics file; None: the program writes that file itself."""
