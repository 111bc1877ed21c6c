"""One line of the list of runs, read from the run's folder."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stellwerk.errors import InputError
from stellwerk.launch.engine import ACTIVE, RunState
from stellwerk.launch.engines.local.life import known_record
from stellwerk.launch.progress import read_progress
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import RunRecord, read_record
from stellwerk.launch.runs.describe import Description, read_description

Problem = Literal["vanished", "unreadable"]
"""``vanished``: the folder that the run's link leads to is gone. ``unreadable``: a file in it is broken."""

ENGINES: dict[str, Callable[[Path], RunRecord | None]] = {"local": known_record}
"""Who can tell whether an active run still lives."""


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What the list says of a run; None: not known, or not yet. Instants are ISO 8601 in UTC."""

    id: str
    folder: str
    name: str
    state: RunState | None
    """None: prepared, never started; or there is a problem."""
    problem: Problem | None
    created: str | None
    started: str | None
    """The first attempt."""
    since: str | None
    attempts: int
    steps: int | None
    tokens: int | None
    planned_steps: int | None
    planned_tokens: int | None
    planned_end: str | None
    """Of a run under way: by the plan, if the attempts before it count in full."""

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def path(self) -> Path:
        return Path(self.folder)


def read_entry(name: str, folder: str) -> RunEntry | None:
    """What the folder says of the run with id ``name``; None where the folder holds no run."""
    path = Path(folder)
    try:
        description = read_description(path)
        record = read_record(RunDirectory(path).state)
        if record is not None and record.active and record.engine in ENGINES:
            record = ENGINES[record.engine](path)
    except InputError:
        return _entry(name, folder, None, None, problem="unreadable")
    if description is None and record is None:
        return None
    return _entry(name, folder, description, record)


def vanished_entry(name: str, folder: str) -> RunEntry:
    return _entry(name, folder, None, None, problem="vanished")


def _entry(
    name: str, folder: str, description: Description | None, record: RunRecord | None, problem: Problem | None = None
) -> RunEntry:
    steps, tokens = (record.steps, record.tokens) if record else (None, None)
    if record is not None and record.active:
        progress = read_progress(RunDirectory(Path(folder)).metrics)
        steps, tokens = progress.steps or steps, progress.tokens or tokens
    return RunEntry(
        id=name,
        folder=folder,
        name=description.name if description else name,
        state=record.latest.state if record else None,
        problem=problem,
        created=_text(description.created) if description else None,
        started=_text(record.attempts[0].started) if record else None,
        since=_text(record.latest.since) if record else None,
        attempts=len(record.attempts) if record else 0,
        steps=steps,
        tokens=tokens,
        planned_steps=description.steps if description else None,
        planned_tokens=description.tokens if description else None,
        planned_end=_planned_end(description, record),
    )


def _planned_end(description: Description | None, record: RunRecord | None) -> str | None:
    if description is None or description.duration_s is None or record is None or not record.active:
        return None
    before_s = sum(attempt.wall_s for attempt in record.attempts[:-1])
    left_s = max(0.0, description.duration_s - before_s)
    return _text(record.latest.started + datetime.timedelta(seconds=left_s))


def _text(instant: datetime.datetime) -> str:
    return instant.astimezone(datetime.UTC).isoformat(timespec="seconds")
