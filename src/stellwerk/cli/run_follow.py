"""Following a run until it ends: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import datetime
import statistics
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from stellwerk.launch import ACTIVE, Engine, Expectation, RunDirectory, RunStatus
from stellwerk.training import MetricsReader, StepMetrics

LOOK_EVERY_S = 0.5
LINE_EVERY_S = 10.0
STEPS_FOR_SPEED = 20
"""The remaining time rests on the middle of so many steps."""


@dataclass(slots=True)
class Course:
    """How far a run is, from the metrics read so far."""

    expected: Expectation
    last: StepMetrics | None = None
    _speeds: deque[float] = field(default_factory=lambda: deque(maxlen=STEPS_FOR_SPEED))

    def take(self, step: StepMetrics) -> None:
        self.last = step
        speed = step.tokens_per_s
        if speed is None and step.step_time_s:
            speed = self.expected.tokens_per_step / step.step_time_s
        if speed:
            self._speeds.append(speed)

    @property
    def tokens(self) -> int:
        if self.last is None:
            return 0
        return self.last.step * self.expected.tokens_per_step if self.last.tokens is None else self.last.tokens

    @property
    def tokens_per_s(self) -> float | None:
        return statistics.median(self._speeds) if self._speeds else None

    @property
    def remaining_s(self) -> float | None:
        speed = self.tokens_per_s
        return None if speed is None else max(0.0, (self.expected.tokens - self.tokens) / speed)

    def sentence(self) -> str:
        """``loss 2.134  10,072 tokens/s  MFU 31% (plan 36%)  0:00:45 left``, without what is not known."""
        if self.last is None:
            return "starting"
        parts = []
        if self.last.loss is not None:
            parts.append(f"loss {self.last.loss:.3f}")
        speed, remaining_s = self.tokens_per_s, self.remaining_s
        if speed is not None and remaining_s is not None:
            planned = self.expected.mfu.best
            parts.append(f"{speed:,.0f} tokens/s")
            parts.append(f"MFU {self.expected.mfu_at(speed):.0%} (plan {planned:.0%})")
            parts.append(f"{datetime.timedelta(seconds=round(remaining_s))} left")
        return "  ".join(parts)


def follow(engine: Engine, directory: RunDirectory, expected: Expectation, console: Console) -> RunStatus:
    """Shows each step until the run ends, and returns how it ended. Whoever is interrupted here leaves it running."""
    reader, course = MetricsReader(directory.metrics), Course(expected)
    if console.is_terminal:
        return _with_bar(engine, directory.path, reader, course, console)
    return _with_lines(engine, directory.path, reader, course, console)


def _with_bar(engine: Engine, path: Path, reader: MetricsReader, course: Course, console: Console) -> RunStatus:
    columns = (
        TextColumn("{task.fields[state]}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[tokens]}"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("starting", total=course.expected.tokens, state="waiting", tokens="")
        while True:
            status = engine.status([path])[path]
            _read(reader, course)
            progress.update(
                task,
                completed=course.tokens,
                description=course.sentence(),
                state=status.state,
                tokens=f"{course.tokens:,} tokens",
            )
            if status.state not in ACTIVE:
                return status
            time.sleep(LOOK_EVERY_S)


def _with_lines(engine: Engine, path: Path, reader: MetricsReader, course: Course, console: Console) -> RunStatus:
    """One line every ten seconds and one at the end: for a log that people read later."""
    next_line, shown = time.monotonic(), None
    while True:
        status = engine.status([path])[path]
        _read(reader, course)
        ended = status.state not in ACTIVE
        if course.last is not None and course.last is not shown and (ended or time.monotonic() >= next_line):
            next_line, shown = time.monotonic() + LINE_EVERY_S, course.last
            share = course.tokens / course.expected.tokens
            where = f"step {course.last.step:,} of {course.expected.steps:,}  {course.tokens:,} tokens ({share:.0%})"
            console.print(f"{where}  {course.sentence()}", soft_wrap=True)
        if ended:
            return status
        time.sleep(LOOK_EVERY_S)


def _read(reader: MetricsReader, course: Course) -> None:
    for step in reader.new():
        course.take(step)
