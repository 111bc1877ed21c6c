from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from stellwerk.errors import RunError
from stellwerk.launch import Job
from stellwerk.launch.engines.local import process, start

EVERY_S = 5.0


@pytest.fixture(autouse=True)
def _plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the job's program under Python itself: what torchrun adds is tested with the training program."""
    monkeypatch.setattr(process, "render_command", lambda job, python: (python, *job.program))


def job(code: str, log: Path, **environment: str) -> Job:
    return Job(("-c", code), processes=1, log=log, environment=environment)


def test_the_output_goes_to_the_log_with_the_environment(tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['WORD']); print('and this', file=sys.stderr)"
    started = start(job(code, tmp_path / "log", WORD="hear"))
    assert list(started.follow(EVERY_S))[-1:] == [None], "the follower gets a last look after the end"
    assert sorted((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == ["and this", "hear"]


def test_a_program_that_fails_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    started = start(job("print('no more memory'); raise SystemExit(3)", log))
    with pytest.raises(RunError, match="exit code 3") as raised:
        list(started.follow(EVERY_S))
    assert str(log) in str(raised.value)
    assert "no more memory" in str(raised.value)


def test_a_stopped_program_is_gone(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = f"open({str(fifo)!r}, 'w').write('up'); import signal; signal.pause()"
    started = start(job(code, tmp_path / "log"))
    assert fifo.read_text(encoding="utf-8") == "up"
    started.stop()
    with pytest.raises(RunError, match="exit code -15"):
        list(started.follow(EVERY_S))


def test_stopping_what_has_ended_does_nothing(tmp_path: Path) -> None:
    started = start(job("pass", tmp_path / "log"))
    list(started.follow(EVERY_S))
    started.stop()


def test_the_interpreter_is_this_one(tmp_path: Path) -> None:
    started = start(job("import sys; print(sys.executable)", tmp_path / "log"))
    list(started.follow(EVERY_S))
    assert (tmp_path / "log").read_text(encoding="utf-8").strip() == sys.executable
