"""What is to be started, independent of where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """A program in several processes on one node that speak to each other.

    ``program`` is what each process runs under Python: ``("-m", module, argument, …)`` or ``(script, argument, …)``.
    ``environment`` adds to the environment of whoever starts the job. The output of all processes goes to ``log``.
    """

    program: tuple[str, ...]
    processes: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
