"""The engine of this machine: runs are folders, each attempt has a supervisor, nothing else keeps running.

What it does with a run, it does through the run's folder alone: any process of the same user can follow, cancel or
go on with a run that another one submitted. Whether a run lives is seen from its supervisor's pid and start, and from
the lock that it holds: also where the folder is shared with another machine or container, as far as the file system
passes locks on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stellwerk.errors import InputError, RunError
from stellwerk.launch.engine import RESUMABLE, RunStatus, Usage
from stellwerk.launch.engines.local import host, lock
from stellwerk.launch.engines.local.files import (
    LocalFiles,
    Submission,
    read_submission,
    write_cancel,
    write_submission,
)
from stellwerk.launch.engines.local.life import known_record, lives, settled, supervisor_lives
from stellwerk.launch.model import Job
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import RunRecord, read_record, write_record

SUPERVISOR = "stellwerk.launch.engines.local.supervisor"
LOCK_PATIENCE_S = 30.0
"""How long another submit of the same run may take."""
LOG_SHOWN_BYTES = 2000
LOG_READ_BYTES = 1 << 20


class LocalEngine:
    """Runs jobs on this machine (``launch.Engine``). ``look_every_s`` is the pace of following and waiting."""

    name = "local"

    def __init__(self, *, look_every_s: float = 0.1) -> None:
        self._look_every_s = look_every_s

    def submit(self, job: Job, directory: Path, *, key: str) -> RunStatus:
        """As ``Engine.submit``; the program is on its way when this returns, and lives on without the caller.

        Raises InputError also where the folder cannot be written to, RunError where the supervisor cannot start.
        """
        if sys.platform != "linux":
            raise RunError("runs on this machine are watched through /proc, which only Linux has")
        directory = directory.resolve()  # the one name that every attempt's processes carry
        files = LocalFiles(directory)
        _make(directory)
        held = self._take_lock(directory, key)
        if held is None:
            return self._known_status(directory)
        try:
            _check_key(directory, key)
            record = read_record(RunDirectory(directory).state)
            if record is not None:
                if record.active and supervisor_lives(record):  # on a file system without locks
                    return record.status()
                record = settled(record)
                if record.latest.state not in RESUMABLE:
                    return record.status()
                write_record(RunDirectory(directory).state, record)
            attempt = 1 + (len(record.attempts) if record else 0)
            files.cancel.unlink(missing_ok=True)
            files.stop.unlink(missing_ok=True)
            submission = _submission(job, directory, key=key, attempt=attempt)
            write_submission(files.submission, submission)
            _start_supervisor(submission, directory, held)
        finally:
            os.close(held)
        return self._known_status(directory)

    def status(self, directories: Sequence[Path]) -> Mapping[Path, RunStatus]:
        """As ``Engine.status``. A run whose state cannot be read is left out too: ``record`` says why."""
        found: dict[Path, RunStatus] = {}
        for directory in directories:
            try:
                record = self.record(directory)
            except InputError:
                continue
            if record is not None:
                found[directory] = record.status()
        return found

    def record(self, directory: Path) -> RunRecord | None:
        """All that is known of a run, its attempts one by one; None where there is none.

        A run that lost its supervisor without a word is ``interrupted``. Raises InputError for a broken state.
        """
        return known_record(directory)

    def cancel(self, directory: Path, *, at_once: bool = False) -> None:
        """As ``Engine.cancel``; returns before it is done, ``status`` tells. A run that has ended stays as it is.

        Raises InputError where there is no run.
        """
        record = self.record(directory)
        if record is None:
            raise InputError("there is no run here", file=directory)
        if record.active:
            write_cancel(LocalFiles(directory).cancel, "at once" if at_once else "request")

    def logs(self, directory: Path, *, follow: bool = False) -> Iterator[str]:
        """As ``Engine.logs``, without the ends of lines. Raises InputError where nothing was submitted."""
        submission = read_submission(LocalFiles(directory).submission)
        if submission is None:
            raise InputError("there is no run here", file=directory)
        rest = b""
        offset = 0
        while True:
            record = self.record(directory) if follow else None
            while content := _read_from(submission.job.log, offset):
                offset += len(content)
                *lines, rest = (rest + content).split(b"\n")
                yield from (line.decode("utf-8", "replace") for line in lines)
            if record is None or not record.active:
                break
            time.sleep(self._look_every_s)
        if rest:
            yield rest.decode("utf-8", "replace")

    def usage(self, directory: Path) -> Usage:
        """As ``Engine.usage``. Raises InputError where there is no run."""
        record = self.record(directory)
        if record is None:
            raise InputError("there is no run here", file=directory)
        if record.active and record.started_monotonic_s is not None and record.boot_id == host.boot_id():
            wall_s = time.monotonic() - record.started_monotonic_s
            record = replace(record, attempts=(*record.attempts[:-1], replace(record.latest, wall_s=wall_s)))
        return record.usage()

    def _take_lock(self, directory: Path, key: str) -> int | None:
        """None where a supervisor holds it: the run is under way."""
        give_up_s = time.monotonic() + LOCK_PATIENCE_S
        while True:
            held = lock.take(LocalFiles(directory).lock)
            if held is not None:
                return held
            _check_key(directory, key)
            record = read_record(RunDirectory(directory).state)
            if record is not None and record.active and lives(record, directory):
                return None
            if time.monotonic() > give_up_s:  # another is submitting, or looking whether the run lives
                raise RunError(f"{directory}: another process holds the run's lock and does not start it")
            time.sleep(self._look_every_s)

    def _known_status(self, directory: Path) -> RunStatus:
        record = self.record(directory)
        if record is None:
            raise RunError(f"{directory}: the run left no state")
        return record.status()


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be used as a run directory: {error.strerror}", file=directory) from None


def _check_key(directory: Path, key: str) -> None:
    submission = read_submission(LocalFiles(directory).submission)
    if submission is not None and submission.key != key:
        raise InputError("the directory belongs to another run", file=directory, key="key", value=key)


def _submission(job: Job, directory: Path, *, key: str, attempt: int) -> Submission:
    # Rendering knows the training room and what that needs; looking at runs, and the supervisor, do without.
    from stellwerk.launch.engines.local.command import render_command, render_environment

    return Submission(
        key=key,
        job=job,
        command=render_command(job, sys.executable, attempt=attempt),
        environment=render_environment(job, directory, attempt=attempt),
        outset=Path.cwd(),
    )


def _start_supervisor(submission: Submission, directory: Path, held: int) -> None:
    """Returns when it has cut itself loose and written the first state; raises RunError with its complaint."""
    log = LocalFiles(directory).supervisor_log
    told = submission.environment.keys() - submission.job.environment.keys()
    environment = {name: value for name, value in os.environ.items() if name not in told}  # of a run that started this
    with log.open("ab") as complaints:
        before = complaints.tell()
        done = subprocess.run(
            (sys.executable, "-P", "-m", SUPERVISOR, str(directory), str(held)),
            stdin=subprocess.DEVNULL,
            stdout=complaints,
            stderr=complaints,
            env=environment,
            pass_fds=(held,),
            start_new_session=True,
            check=False,
        )
    if done.returncode != 0:
        with log.open("rb") as file:
            file.seek(max(before, log.stat().st_size - LOG_SHOWN_BYTES))
            said = file.read().decode("utf-8", "replace").strip()
        raise RunError(f"the supervisor of the run could not start; log: {log}\n{said}")


def _read_from(log: Path, offset: int) -> bytes:
    try:
        with log.open("rb") as file:
            file.seek(offset)
            return file.read(LOG_READ_BYTES)
    except FileNotFoundError:
        return b""
