"""Beside each attempt of a run: starts the program, keeps watch, stops it in time, writes down how it ended.

``python -m stellwerk.launch.engines.local.supervisor DIRECTORY LOCK`` is started by the engine, which hands on the
locked descriptor. It cuts itself loose from whoever started it and ends with the attempt. Every duration is of the
monotonic clock; the clock on the wall only names instants.

Whatever the program starts stays below this process in the tree of processes, even where a process in between dies,
and carries the run's directory in its environment: so nothing of it can be missed at the end.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TypeVar

from stellwerk.errors import InputError
from stellwerk.launch.companions import Companion, Energy, Meter, readers_for
from stellwerk.launch.energy import meter_for
from stellwerk.launch.engine import RunState
from stellwerk.launch.engines.local import host
from stellwerk.launch.engines.local.files import LocalFiles, Submission, read_cancel, read_submission
from stellwerk.launch.engines.local.verdict import Asked, Ending, judge
from stellwerk.launch.progress import read_progress
from stellwerk.launch.prometheus import write_prometheus
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import Attempt, ProcessId, RunRecord, read_record, write_record
from stellwerk.messages import Reason

LOOK_EVERY_S = 0.2
SAMPLE_EVERY_S = 1.0
WRITE_EVERY_S = 10.0
LEFTOVER_GRACE_S = 5.0
"""What the program left running may take to end, after the program itself has ended."""
PATIENCE_WITH_DISK_S = 60.0
LOG_END_BYTES = 16_384
SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash", "busybox")
RANK = "LOCAL_RANK"
"""What torchrun, and other launchers like it, tell each process that they start."""
RUN_DIRECTORY = "STELLWERK_RUN_DIRECTORY"
"""As in ``training.contract``, which is not imported: this process stays small, it runs beside a training."""

_Answer = TypeVar("_Answer")


def main() -> None:
    directory, lock = Path(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(lock, False)  # the program must not hold the lock of a supervisor that is gone
    heard, told = os.pipe()
    if os.fork():
        os.close(told)
        os._exit(0 if os.read(heard, 1) else 1)
    os.close(heard)
    os.setsid()

    def established() -> None:
        os.write(told, b"1")
        os.close(told)

    with contextlib.suppress(KeyboardInterrupt):
        Supervisor(directory).run(established)


class Supervisor:
    """One attempt, from its start to its last process's end."""

    def __init__(self, directory: Path) -> None:
        submission = read_submission(LocalFiles(directory).submission)
        if submission is None:
            raise InputError("nothing was submitted here", file=directory)
        self._directory = RunDirectory(directory)
        self._files = LocalFiles(directory)
        self._submission: Submission = submission
        self._job = submission.job
        self._started_s = time.monotonic()
        self._record = self._first_record()
        no_meter: Meter | None = None
        no_readers: Sequence[Companion] = ()
        self._meter = _or_else(no_meter, lambda: meter_for(directory, self._job))
        readers = _or_else(no_readers, lambda: readers_for(directory, self._job))
        self._companions: list[Companion] = [*([] if self._meter is None else [self._meter]), *readers]
        self._asked: Asked | None = None
        self._kill_at_s: float | None = None
        self._killed = False
        self._written = False
        self._log_start = 0
        self._system_stops = False
        self._signalled: set[ProcessId] = set()

    def run(self, established: Callable[[], None]) -> None:
        """Returns when the attempt is over and written down."""
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._hear_system)
        host.adopt_orphans()
        self._write()
        established()
        try:
            state, reason, exit_code = self._attempt()
        except BaseException as error:
            self._end_leftovers(grace_s=0.0)
            text = f"{type(error).__name__}: {error}"
            self._conclude("failed", Reason("run_supervisor_failed", {"text": text}), None)
            raise
        self._conclude(state, reason, exit_code)
        self._write_result()

    def _attempt(self) -> tuple[RunState, Reason | None, int | None]:
        if not host.end(self._processes, grace_s=0.0):
            return "failed", Reason("run_processes_left"), None
        for file in (self._directory.outcome, self._directory.failure):
            file.unlink(missing_ok=True)
        self._each_companion(lambda companion: companion.start())
        try:
            program = self._start()
        except OSError as error:
            self._each_companion(lambda companion: companion.stop())
            return "failed", Reason("run_could_not_start", {"text": f"{error.strerror}: {error.filename}"}), None
        self._change("running")
        try:
            exit_code = self._watch(program)
        finally:
            all_gone = self._end_leftovers(grace_s=0.0 if self._killed else LEFTOVER_GRACE_S)
            self._each_companion(lambda companion: companion.stop())
        if not all_gone:
            return "failed", Reason("run_processes_left"), exit_code
        return *judge(self._ending(exit_code)), exit_code

    def _start(self) -> subprocess.Popen[bytes]:
        self._directory.checkpoints.mkdir(exist_ok=True)
        with self._job.log.open("ab") as log:
            self._log_start = log.tell()
            return subprocess.Popen(
                self._submission.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._submission.environment},
                cwd=self._job.directory or self._submission.outset,
                start_new_session=True,
            )

    def _watch(self, program: subprocess.Popen[bytes]) -> int:
        """Until the program ends; its exit code."""
        handle = os.pidfd_open(program.pid)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        sample_at_s = write_at_s = time.monotonic()
        try:
            while (exit_code := program.poll()) is None:
                now_s = time.monotonic()
                self._hear(now_s)
                if self._asked is not None:
                    self._press(program.pid, now_s)
                if now_s >= sample_at_s:
                    sample_at_s = now_s + SAMPLE_EVERY_S
                    self._each_companion(lambda companion: companion.sample())
                if now_s >= write_at_s:
                    write_at_s = now_s + WRITE_EVERY_S
                    self._write(lasting=False)
                poll.poll(LOOK_EVERY_S * 1000)
                host.collect(but=program.pid)
        finally:
            os.close(handle)
        return exit_code

    def _hear(self, now_s: float) -> None:
        """Whether somebody wants the program to stop, or its time is over."""
        cancel = read_cancel(self._files.cancel)
        if cancel == "at once" and self._asked != "at once":
            self._ask("at once", kill_at_s=now_s)
        elif self._asked is not None:
            return
        elif cancel is not None:
            self._ask("request", kill_at_s=now_s + self._job.stop_before_s)
        elif self._system_stops:
            self._ask("system", kill_at_s=now_s + self._job.stop_before_s)
        elif self._job.limit_s is not None:
            end_s = self._started_s + self._job.limit_s
            if now_s >= end_s - min(self._job.stop_before_s, self._job.limit_s / 2):
                self._ask("limit", kill_at_s=end_s)

    def _ask(self, asked: Asked, *, kill_at_s: float) -> None:
        self._asked = asked
        self._kill_at_s = kill_at_s if self._kill_at_s is None else min(self._kill_at_s, kill_at_s)
        with contextlib.suppress(OSError):  # a full disk: the signal has to do
            self._files.stop.touch()
        self._change("stopping")

    def _press(self, launcher: int, now_s: float) -> None:
        """Signals those who have not been told yet, and kills them all when their time is over."""
        if self._kill_at_s is not None and now_s >= self._kill_at_s:
            self._killed = True
            host.end(self._processes, grace_s=0.0)
            return
        for process in self._workers(launcher):
            if process.id not in self._signalled:
                self._signalled.add(process.id)
                host.send(process.id, signal.Signals[f"SIG{self._job.stop_signal}"])

    def _workers(self, launcher: int) -> Sequence[host.Process]:
        """Those that the stop signal is for: the ranks, and below a shell what it waits for, as it passes nothing on.

        A launcher would end its ranks on it. Of a command of somebody's own, whoever is told a rank is one.
        """
        if self._job.launcher == "torchrun":
            tops = host.children(launcher)
        else:
            below = host.descendants(launcher)
            ranks = {process.id.pid for process in below if host.has_variable(process.id.pid, RANK)}
            first = tuple(process for process in below if process.id.pid in ranks and process.parent not in ranks)
            command = host.process_of(launcher)
            tops = first or (() if command is None else (command,))
        return [process for top in tops for process in _below_shells(top)]

    def _processes(self) -> tuple[host.Process, ...]:
        """All of this run, of earlier attempts too."""
        below = host.descendants(os.getpid())
        known = {process.id for process in below}
        marked = host.processes_with(RUN_DIRECTORY, str(self._directory.path))
        return (*below, *(process for process in marked if process.id not in known))

    def _end_leftovers(self, *, grace_s: float) -> bool:
        return host.end(self._processes, grace_s=grace_s)

    def _ending(self, exit_code: int) -> Ending:
        failure, log = self._directory.failure, self._job.log
        return Ending(
            exit_code=exit_code,
            asked=self._asked,
            killed=self._killed,
            outcome=self._directory.outcome.exists(),
            failure=failure.read_text(encoding="utf-8", errors="replace").strip() if failure.exists() else "",
            log_end=_end_of(log, since=self._log_start),
            limit_s=self._job.limit_s,
            stop_before_s=self._job.stop_before_s,
        )

    def _first_record(self) -> RunRecord:
        before = read_record(self._directory.state)
        now = _now()
        return RunRecord(
            key=self._submission.key,
            engine="local",
            processes=self._job.processes,
            attempts=(*(before.attempts if before else ()), Attempt("waiting", since=now, started=now)),
            steps=before.steps if before else None,
            tokens=before.tokens if before else None,
            machine=host.machine_name(),
            boot_id=host.boot_id(),
            supervisor=host.own_id(),
            started_monotonic_s=self._started_s,
        )

    def _change(self, state: RunState, reason: Reason | None = None, exit_code: int | None = None) -> None:
        latest = replace(self._record.latest, state=state, since=_now(), reason=reason, exit_code=exit_code)
        self._record = replace(self._record, attempts=(*self._record.attempts[:-1], latest))
        self._write()

    def _conclude(self, state: RunState, reason: Reason | None, exit_code: int | None) -> None:
        """Writes the end down; tries for a while where the disk is full, because nobody else can tell."""
        self._change(state, reason, exit_code)
        give_up_s = time.monotonic() + PATIENCE_WITH_DISK_S
        while not self._written and time.monotonic() < give_up_s:
            time.sleep(SAMPLE_EVERY_S)
            self._write()

    def _write(self, *, lasting: bool = True) -> None:
        """With what the attempt took so far. A disk that is full must not end the run: the next look writes again."""
        energy = self._energy()
        latest = replace(
            self._record.latest,
            wall_s=time.monotonic() - self._started_s,
            energy_j=energy.energy_j,
            energy_source=energy.source,
        )
        progress = read_progress(self._directory.metrics)
        self._record = replace(
            self._record,
            attempts=(*self._record.attempts[:-1], latest),
            steps=self._record.steps if progress.steps is None else progress.steps,
            tokens=self._record.tokens if progress.tokens is None else progress.tokens,
        )
        _or_else(None, lambda: write_prometheus(self._directory, self._record))  # else the figures before stay
        try:
            write_record(self._directory.state, self._record, lasting=lasting)
            self._written = True
        except InputError as error:
            self._written = False
            _complain(str(error))

    def _write_result(self) -> None:
        """For whoever looks into the folder later; a run that somebody follows has it written there, too."""
        from stellwerk.launch.result import write_result  # with the planner: not to be held beside the training

        try:
            write_result(self._directory, self._record)
        except (InputError, OSError, ValueError, TypeError) as error:
            _complain(f"the result could not be written: {error}")

    def _energy(self) -> Energy:
        return Energy() if self._meter is None else _or_else(Energy(), self._meter.energy)

    def _each_companion(self, call: Callable[[Companion], None]) -> None:
        """One that raises is left out from then on."""
        for companion in tuple(self._companions):
            try:
                call(companion)
            except Exception:
                self._companions.remove(companion)
                _complain(traceback.format_exc())

    def _hear_system(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._system_stops = True


def _below_shells(process: host.Process) -> list[host.Process]:
    if host.program_of(process.id.pid) not in SHELLS:
        return [process]
    return [below for child in host.children(process.id.pid) for below in _below_shells(child)]


def _or_else(otherwise: _Answer, ask: Callable[[], _Answer]) -> _Answer:
    """What a companion answers; where it raises, that is written down, and it counts as having said ``otherwise``."""
    try:
        return ask()
    except InputError as error:  # a file that cannot be written or read: said in a line
        _complain(str(error))
        return otherwise
    except Exception:
        _complain(traceback.format_exc())
        return otherwise


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _complain(text: str) -> None:
    """In the supervisor's log, as far as there is room for it."""
    with contextlib.suppress(OSError):
        print(f"{_now().isoformat(timespec='seconds')} {text}", file=sys.stderr, flush=True)


def _end_of(log: Path, *, since: int) -> str:
    """What was written last, at most ``LOG_END_BYTES``, and nothing before the byte ``since``."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - LOG_END_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


if __name__ == "__main__":
    main()
