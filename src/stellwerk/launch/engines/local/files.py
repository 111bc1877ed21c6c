"""The files in a run directory through which the engine and its supervisor speak to each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.launch.model import Job

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Beside what ``RunDirectory`` names."""

    path: Path

    @property
    def submission(self) -> Path:
        """What is to be run (``Submission``)."""
        return self.path / "submission.json"

    @property
    def lock(self) -> Path:
        """Locked (flock) as long as a supervisor lives, from before its start on; the system unlocks it at its end."""
        return self.path / "run.lock"

    @property
    def cancel(self) -> Path:
        """Written to ask the supervisor to end the run."""
        return self.path / "cancel.json"

    @property
    def stop(self) -> Path:
        """Its being there asks the program to stop."""
        return self.path / "stop"

    @property
    def supervisor_log(self) -> Path:
        """Where the supervisor complains."""
        return self.path / "supervisor.log"


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt of a job under its key: the command as rendered, and what it adds to the environment.

    ``outset`` is where it was submitted from, and where the program runs unless the job says otherwise.
    """

    key: str
    job: Job
    command: tuple[str, ...]
    environment: Mapping[str, str]
    outset: Path


def write_submission(path: Path, submission: Submission) -> None:
    job = submission.job
    values = {
        "schema": SCHEMA,
        "key": submission.key,
        "command": submission.command,
        "environment": dict(submission.environment),
        "outset": str(submission.outset),
        "job": {
            **asdict(job),
            "log": str(job.log),
            "environment": dict(job.environment),
            "directory": None if job.directory is None else str(job.directory),
        },
    }
    write_whole(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def read_submission(path: Path) -> Submission | None:
    """None where nothing was submitted; raises InputError for a file that is no submission of this version."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"what was submitted cannot be read: {error.strerror}", file=path) from None
    try:
        values = json.loads(content)
        if values["schema"] != SCHEMA:
            raise ValueError(f"schema {values['schema']!r}; this version reads {SCHEMA}")
        return Submission(
            key=values["key"],
            job=_job(values["job"]),
            command=tuple(values["command"]),
            environment=values["environment"],
            outset=Path(values["outset"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"this is no submission: {type(error).__name__} {error}", file=path) from None


def read_submitted(directory: Path) -> Submission | None:
    """What was last submitted in a run's folder; None where nothing was. Raises InputError for a broken file."""
    return read_submission(LocalFiles(directory).submission)


Cancel = Literal["request", "at once"]


def write_cancel(path: Path, how: Cancel) -> None:
    write_whole(path, json.dumps({"how": how}).encode())


def read_cancel(path: Path) -> Cancel | None:
    """None where nobody asked; whatever cannot be read is a request."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return "request"
    return "at once" if b'"at once"' in content else "request"


def _job(values: Mapping[str, Any]) -> Job:
    directory = values["directory"]
    return Job(
        **{
            **values,
            "program": tuple(values["program"]),
            "log": Path(values["log"]),
            "directory": None if directory is None else Path(directory),
            "resume_arguments": tuple(values["resume_arguments"]),
        }
    )
