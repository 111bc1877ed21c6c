"""Turns lines of a program's log into the metrics file while the program runs."""

from __future__ import annotations

import contextlib
import datetime
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from stellwerk.training import StepMetrics
from stellwerk.training.metrics import open_metrics, write_metrics

CHUNK_BYTES = 1 << 18
LINE_BYTES = 4096
"""Of a longer line the beginning is looked at."""
MATCH_S = 0.05
"""Longest time for one line: on some lines some patterns take exponentially long."""
SLOW_LINES = 3
"""After so many of them the log is no longer read."""
SAMPLE_S = 0.05
"""So long a sample goes on reading; what is left waits for the next."""
LAST_S = 10.0
"""The same after the end of the program."""

_INTEGERS = ("step", "tokens", "allocated_bytes", "reserved_bytes", "allocation_retries")
_COLOURS = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")


class LogReader:
    """Adds to ``metrics`` what ``pattern`` finds in what a program adds to ``log`` (a launch.companions.Companion).

    It uses the timer of the process, so it works in the main thread only.
    """

    def __init__(self, log: Path, metrics: Path, pattern: str) -> None:
        self._log = log
        self._metrics = metrics
        self._lines = Lines()
        self._found = LogMetrics(pattern)
        self._offset = 0
        self._slow = 0
        self._pending: list[StepMetrics] = []
        """Found, and not yet written: the disk may be full for a while."""
        self._torn = True
        """The last line of the metrics may lack its end, because an earlier attempt or a full disk cut it off."""
        self._matched = False

    def start(self) -> None:
        """What earlier attempts printed has been read."""
        self._offset = self._log.stat().st_size if self._log.exists() else 0

    def sample(self) -> None:
        self._read(time.monotonic() + SAMPLE_S)

    def stop(self) -> None:
        self._read(time.monotonic() + LAST_S)
        self._take(self._lines.cut(b"\n"))
        if self._pending:
            self._say(f"{len(self._pending)} steps could not be written to {self._metrics.name}")
        if not self._matched and self._slow < SLOW_LINES:
            self._say("log_pattern matched no line, so nothing is known of steps and loss")

    def _read(self, until_s: float) -> None:
        with self._log.open("rb") as log:
            log.seek(self._offset)
            while self._slow < SLOW_LINES and time.monotonic() < until_s and (chunk := log.read(CHUNK_BYTES)):
                self._offset += len(chunk)
                self._take(self._lines.cut(chunk))

    def _take(self, lines: Iterator[str]) -> None:
        records = []
        for line in lines:
            try:
                with _timer(MATCH_S):
                    record = self._found.read(line)
            except TimeoutError:
                self._slow += 1
                if self._slow == SLOW_LINES:
                    self._say(
                        f"log_pattern took more than {MATCH_S} s on {SLOW_LINES} lines; the log is no longer read"
                    )
                    break
            else:
                records += [record] if record else []
        if records:
            instant = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            for record in self._found.timed(records, time.monotonic()):
                self._pending.append(StepMetrics(**record, time=instant))  # type: ignore[arg-type]
            self._matched = True
        if self._pending:
            self._write()

    def _write(self) -> None:
        try:
            with open_metrics(self._metrics) if self._torn else self._metrics.open("a", encoding="utf-8") as file:
                while self._pending:
                    write_metrics(file, self._pending[0])
                    del self._pending[0]
            self._torn = False
        except OSError:
            self._torn = True

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as log:
            log.write(f"stellwerk: {text}\n")


class Lines:
    """Cuts a growing log into lines. A carriage return, with which progress bars go back, ends one too."""

    def __init__(self) -> None:
        self._begun = b""

    def cut(self, chunk: bytes) -> Iterator[str]:
        """The lines that ``chunk`` completes, without colours; what follows the last end waits for the next chunk."""
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
        self._timed: tuple[float, float] | None = None

    def read(self, line: str) -> dict[str, float] | None:
        """The values of a step that is further than all before; None for every other line."""
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

    def timed(self, records: list[dict[str, float]], now_s: float) -> list[dict[str, float]]:
        """``records``, which were found at once, with a step's time: that since the records before, shared out among
        the steps. ``now_s`` is of any clock that does not jump."""
        last = records[-1]["step"]
        if self._timed is not None:
            step, then_s = self._timed
            records = [{"step_time_s": (now_s - then_s) / (last - step), **record} for record in records]
        self._timed = (last, now_s)
        return records


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


def _number(name: str, text: str) -> float:
    number = float(text.replace(",", ""))
    return int(number) if name in _INTEGERS else number
