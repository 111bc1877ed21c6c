from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from stellwerk.cli import run_follow
from stellwerk.cli.run_follow import Course, follow
from stellwerk.launch import RunDirectory, RunState, RunStatus
from stellwerk.training import StepMetrics
from tests.cli.run_case import START, STEP, FakeEngine
from tests.launch.local_run_case import planned

EXPECTED = replace(planned().expected, steps=10, tokens_per_step=2048)


class Watched(FakeEngine):
    """Each look finds one step more, and the run ended after the last."""

    def __init__(self, metrics: Path, steps: int, end: RunState) -> None:
        self._metrics, self._left, self._end = metrics, list(range(1, steps + 1)), end

    def status(self, directories: Sequence[Path]) -> Mapping[Path, RunStatus]:
        state: RunState = "running"
        if self._left:
            step = self._left.pop(0)
            with self._metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(replace(STEP, step=step, tokens=2048 * step, loss=5.5 / step))) + "\n")
        else:
            state = self._end
        return {directories[0]: RunStatus(state, 1, START)}


def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, terminal: bool, line_every_s: float = 0.0) -> str:
    monkeypatch.setattr(run_follow, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(run_follow, "LINE_EVERY_S", line_every_s)
    directory = RunDirectory(tmp_path)
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=160, highlight=False)
    status = follow(Watched(directory.metrics, 3, "stopped"), directory, EXPECTED, console)
    assert status.state == "stopped"
    return file.getvalue()


def test_a_log_gets_plain_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = followed(tmp_path, monkeypatch, terminal=False).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 1 of 10", "step 2 of 10", "step 3 of 10"]
    assert "6,144 tokens (30%)  loss 1.833  10,240 tokens/s  MFU " in lines[-1]
    assert lines[-1].endswith("0:00:01 left")
    assert "\x1b" not in "".join(lines)


def test_a_long_run_does_not_fill_the_log_and_its_last_step_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = followed(tmp_path, monkeypatch, terminal=False, line_every_s=1e9).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 1 of 10", "step 3 of 10"]


def test_a_terminal_gets_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = followed(tmp_path, monkeypatch, terminal=True)
    assert "\x1b" in shown
    assert "6,144 tokens" in shown


def test_the_remaining_time_rests_on_the_middle_of_the_last_steps() -> None:
    course = Course(EXPECTED)
    for step, speed in enumerate((1.0, 100.0, 100.0), start=1):
        course.take(StepMetrics(step=step, tokens=2048 * step, tokens_per_s=speed))
    assert course.tokens_per_s == 100.0
    assert course.remaining_s == pytest.approx(7 * 2048 / 100.0)


def test_what_a_program_does_not_say_is_not_shown() -> None:
    course = Course(EXPECTED)
    assert course.sentence() == "starting"
    course.take(StepMetrics(step=2, loss=3.0))
    assert course.tokens == 4096
    assert course.sentence() == "loss 3.000"
    course.take(StepMetrics(step=3, step_time_s=2.0))
    assert course.tokens_per_s == 1024.0
