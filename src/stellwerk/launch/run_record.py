"""``state.json``: where a run stands, as its engine last wrote it down. Every engine writes the same."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from stellwerk.errors import InputError
from stellwerk.files import whole_file
from stellwerk.launch.engine import ACTIVE, EnergySource, RunState, RunStatus, Usage
from stellwerk.messages import Reason

SCHEMA = 1
LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that no later one can pass for: pids are given again, with the same start they are not."""

    pid: int
    start_ticks: int
    """Since the machine started, in clock ticks."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One of the times a run was started. Instants are UTC and zone-aware; ``wall_s`` is of the monotonic clock."""

    state: RunState
    since: datetime.datetime
    """When it got into this state."""
    started: datetime.datetime
    wall_s: float = 0.0
    """While it runs: at the last look, some seconds ago."""
    energy_j: float | None = None
    energy_source: EnergySource | None = None
    exit_code: int | None = None
    """Of the launcher or the command; below zero: the signal that ended it."""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run over all its attempts, oldest first; there is at least one."""

    key: str
    engine: str
    processes: int
    attempts: tuple[Attempt, ...]
    steps: int | None = None
    tokens: int | None = None
    """Both at the last look, from the metrics file."""
    machine: str | None = None
    boot_id: str | None = None
    supervisor: ProcessId | None = None
    """Who watches the latest attempt, and on which start of which machine."""
    started_monotonic_s: float | None = None
    """The latest attempt's start on the monotonic clock of that start of the machine."""

    @property
    def latest(self) -> Attempt:
        return self.attempts[-1]

    @property
    def active(self) -> bool:
        return self.latest.state in ACTIVE

    @property
    def wall_s(self) -> float:
        return sum(attempt.wall_s for attempt in self.attempts)

    def status(self) -> RunStatus:
        """As written down: whether an active run still lives is not asked."""
        latest = self.latest
        return RunStatus(latest.state, len(self.attempts), latest.since, latest.exit_code, latest.reason)

    def usage(self) -> Usage:
        """At the last look. The energy is known where it is of every attempt; the weakest source names it."""
        energies = [attempt.energy_j for attempt in self.attempts]
        known = [energy for energy in energies if energy is not None]
        sources = {attempt.energy_source for attempt in self.attempts}
        weakest = next((source for source in reversed(get_args(EnergySource)) if source in sources), None)
        whole = len(known) == len(energies)
        return Usage(
            wall_s=self.wall_s,
            device_s=self.wall_s * self.processes,
            energy_j=sum(known) if whole else None,
            energy_source=weakest if whole else None,
        )


def write_record(path: Path, record: RunRecord, *, lasting: bool = True) -> None:
    """Writes it whole or not at all; ``lasting``: on the disk when this returns, even if the power fails then.

    Raises InputError where it cannot be written.
    """
    content = json.dumps(_values(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(path) as file:
        file.write(content.encode())
        if lasting:
            file.flush()
            os.fsync(file.fileno())


def read_record(path: Path) -> RunRecord | None:
    """None where there is no such file; raises InputError for a file that is no state of a run."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"the state of the run cannot be read: {error.strerror}", file=path) from None
    try:
        return _record(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"this is no state of a run: {type(error).__name__} {error}", file=path) from None


def _values(record: RunRecord) -> dict[str, Any]:
    supervisor = record.supervisor
    return {
        "schema": SCHEMA,
        "key": record.key,
        "engine": record.engine,
        "processes": record.processes,
        "state": record.latest.state,
        "attempt": len(record.attempts),
        "steps": record.steps,
        "tokens": record.tokens,
        "machine": record.machine,
        "boot_id": record.boot_id,
        "supervisor": {"pid": supervisor.pid, "start_ticks": supervisor.start_ticks} if supervisor else None,
        "started_monotonic_s": record.started_monotonic_s,
        "attempts": [attempt_as_dict(attempt) for attempt in record.attempts],
    }


def attempt_as_dict(attempt: Attempt) -> dict[str, Any]:
    return {
        "state": attempt.state,
        "since": attempt.since.isoformat(timespec="milliseconds"),
        "started": attempt.started.isoformat(timespec="milliseconds"),
        "wall_s": round(attempt.wall_s, 3),
        "energy_j": attempt.energy_j,
        "energy_source": attempt.energy_source,
        "exit_code": attempt.exit_code,
        "reason": attempt.reason.as_dict() if attempt.reason else None,
    }


def _record(values: Mapping[str, Any]) -> RunRecord:
    if values["schema"] != SCHEMA:
        raise ValueError(f"schema {values['schema']!r}; this version reads {SCHEMA}")
    attempts = tuple(_attempt(attempt) for attempt in values["attempts"])
    if not attempts:
        raise ValueError("no attempt")
    supervisor = values["supervisor"]
    return RunRecord(
        key=values["key"],
        engine=values["engine"],
        processes=values["processes"],
        attempts=attempts,
        steps=values["steps"],
        tokens=values["tokens"],
        machine=values["machine"],
        boot_id=values["boot_id"],
        supervisor=ProcessId(supervisor["pid"], supervisor["start_ticks"]) if supervisor else None,
        started_monotonic_s=values["started_monotonic_s"],
    )


def _attempt(values: Mapping[str, Any]) -> Attempt:
    if values["state"] not in get_args(RunState):
        raise ValueError(f"state {values['state']!r}")
    return Attempt(
        state=values["state"],
        since=_instant(values["since"]),
        started=_instant(values["started"]),
        wall_s=float(values["wall_s"]),
        energy_j=values["energy_j"],
        energy_source=values["energy_source"],
        exit_code=values["exit_code"],
        reason=Reason.from_dict(values["reason"]) if values["reason"] else None,
    )


def _instant(text: str) -> datetime.datetime:
    instant = datetime.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"an instant without a zone: {text}")
    return instant
