"""Turns lines of a program's log into the metrics file while the program runs.

    python log_reader.py [--log LOG --metrics METRICS --pattern PATTERN] [--python] -- PROGRAM ARGUMENT ...

leaves a reader behind and becomes the program: process id, signals and exit code are the program's own. With
``--python`` the interpreter that runs this file runs what stands behind ``--``. Of many processes the one of rank 0
leaves a reader; without ``--pattern`` none does.

The file is run by its path and imports nothing but the standard library, so that it starts in an instant and under any
interpreter.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, NoReturn

POLL_S = 0.1
CHUNK_BYTES = 1 << 20
LINE_BYTES = 4096
"""Of a longer line the beginning is looked at."""
MATCH_S = 0.5
"""Longest time for one line: on some lines some patterns take exponentially long."""
SLOW_LINES = 3
"""After so many of them the log is no longer read."""

_INTEGERS = ("step", "tokens", "allocated_bytes", "reserved_bytes", "allocation_retries")
_COLOURS = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")


def main(arguments: list[str] | None = None) -> None:
    options, program = _options(sys.argv[1:] if arguments is None else arguments)
    if options.pattern and os.environ.get("RANK", "0") == "0":
        _leave_reader(options.log, options.metrics, options.pattern)
    command = [sys.executable, "-u", *program] if options.python else program
    try:
        os.execvp(command[0], command)  # noqa: S606, no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]}: cannot be started: {error.strerror}")


class Lines:
    """Cuts a growing log into lines. A carriage return, with which progress bars go back, ends one too."""

    def __init__(self, log: BinaryIO) -> None:
        self._log = log
        self._begun = b""

    def new(self, *, last: bool) -> Iterator[str]:
        """The lines that got their end since the last call, without colours; with ``last`` also what has none."""
        while chunk := self._log.read(CHUNK_BYTES):
            yield from self._cut(chunk)
        if last:
            yield from self._cut(b"\n")

    def _cut(self, chunk: bytes) -> Iterator[str]:
        *whole, rest = (self._begun + chunk).replace(b"\r", b"\n").split(b"\n")
        self._begun = rest[:LINE_BYTES]  # what lies beyond is not looked at, so it need not be kept
        return (_COLOURS.sub(b"", line[:LINE_BYTES]).decode(errors="replace") for line in whole if line)


class LogMetrics:
    """The metrics (training.StepMetrics) that the lines of one attempt hold.

    A step is taken from the first line that has it: several processes may print the same step, and bars are drawn
    again and again.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)
        self._step = -1
        self._timed: tuple[int, float] | None = None

    def read(self, line: str) -> dict[str, Any] | None:
        """The record of a step that is further than all before; None for every other line."""
        found = self._pattern.search(line)
        if found is None:
            return None
        try:
            values = {name: _number(name, text) for name, text in found.groupdict().items() if text is not None}
        except (ValueError, OverflowError):
            return None
        if "loss" not in values or values.get("step", -1) <= self._step:
            return None
        self._step = int(values["step"])
        return values

    def timed(self, records: list[dict[str, Any]], now_s: float) -> list[dict[str, Any]]:
        """``records``, which were found at once, with a step's time: that since the records before, shared out among
        the steps. ``now_s`` is of any clock that does not jump."""
        last = records[-1]["step"]
        if self._timed is not None:
            step, then_s = self._timed
            records = [{"step_time_s": (now_s - then_s) / (last - step), **record} for record in records]
        self._timed = (last, now_s)
        return records


def follow(log: Path, metrics: Path, pattern: str, *, start: int, ended: Callable[[float], bool]) -> str | None:
    """Adds to ``metrics`` what ``pattern`` finds in ``log`` behind its first ``start`` bytes.

    ``ended`` waits up to so many seconds and says whether nothing more will come. Returns what the person should know:
    that nothing was found, or that reading was given up. Uses the timer of the process, so runs in its main thread.
    """
    found = LogMetrics(pattern)
    slow, written, over = 0, False, False
    with log.open("rb") as source, metrics.open("a", encoding="utf-8") as target:
        source.seek(start)
        lines = Lines(source)
        while not over:
            over = ended(POLL_S)  # first, so that what was written until the end is read
            records = []
            for line in lines.new(last=over):
                try:
                    with _timer(MATCH_S):
                        record = found.read(line)
                except TimeoutError:
                    slow += 1
                    if slow == SLOW_LINES:
                        return f"log_pattern took longer than {MATCH_S} s on {slow} lines; the log is no longer read"
                    continue
                if record:
                    records.append(record)
            if records:
                instant = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
                for record in found.timed(records, time.monotonic()):
                    target.write(json.dumps({**record, "time": instant}) + "\n")
                target.flush()
                written = True
    return None if written else "log_pattern matched no line of the log, so nothing is known of steps and loss"


def _leave_reader(log: Path, metrics: Path, pattern: str) -> None:
    """A process that follows the log of the one that calls, which goes on as the program.

    It is no child of the program, which might wait for all of its children, and in a session of its own, so that what
    kills the program lets it read to the end.
    """
    start = log.stat().st_size  # before the program prints
    watched = os.pidfd_open(os.getpid())
    if (child := os.fork()) > 0:
        os.close(watched)
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    _read_until_end(log, metrics, pattern, start, watched)


def _read_until_end(log: Path, metrics: Path, pattern: str, start: int, watched: int) -> NoReturn:
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        message = follow(log, metrics, pattern, start=start, ended=lambda wait_s: bool(poll.poll(wait_s * 1000)))
    except OSError as error:
        message = f"the log or the metrics file: {error}"
    if message:
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(f"stellwerk: {message}\n")
    os._exit(0)


@contextlib.contextmanager
def _timer(seconds: float) -> Iterator[None]:
    """Raises TimeoutError inside, also in the middle of a match."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _number(name: str, text: str) -> int | float:
    number = float(text.replace(",", ""))
    return int(number) if name in _INTEGERS else number


def _options(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="log_reader.py")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--metrics", type=Path)
    parser.add_argument("--pattern")
    parser.add_argument("--python", action="store_true")
    separator = arguments.index("--")
    return parser.parse_args(arguments[:separator]), arguments[separator + 1 :]


if __name__ == "__main__":
    main()
