from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stellwerk.training import contract, read_metrics, reporting
from stellwerk.training.reporting import Reporter


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a run that has told this process about itself."""
    monkeypatch.setenv(contract.RUN_DIRECTORY, str(tmp_path))
    monkeypatch.setenv(contract.METRICS, str(tmp_path / "metrics.jsonl"))
    monkeypatch.setenv(contract.CHECKPOINTS, str(tmp_path / "checkpoints"))
    monkeypatch.setenv(contract.STOP_FILE, str(tmp_path / "stop"))
    monkeypatch.setenv(contract.STOP_SIGNAL, "USR1")
    before = signal.getsignal(signal.SIGUSR1)
    yield tmp_path
    signal.signal(signal.SIGUSR1, before)


def test_outside_a_run_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    reporter = Reporter()
    reporter.step(1, loss=2.0, tokens=10)
    assert (reporter.active, reporter.should_stop, reporter.resume, reporter.plan) == (False, False, False, {})
    assert reporter.checkpoints == Path("checkpoints")
    assert signal.getsignal(signal.SIGTERM) is before
    assert list(tmp_path.iterdir()) == []


def test_steps_become_metrics(run: Path) -> None:
    reporter = Reporter()
    reporter.step(1, loss=2.0, tokens=10)
    reporter.step(3, loss=1.5, tokens=30, learning_rate=1e-3)
    first, second = read_metrics(run / "metrics.jsonl")
    assert (first.step, first.loss, first.tokens, first.step_time_s) == (1, 2.0, 10, None)
    assert (second.step, second.loss, second.tokens, second.learning_rate) == (3, 1.5, 30, 1e-3)
    assert second.step_time_s is not None
    assert second.tokens_per_s == pytest.approx(20 / (2 * second.step_time_s))


def test_what_a_killed_attempt_left_of_its_last_line_spoils_nothing(run: Path) -> None:
    (run / "metrics.jsonl").write_text('{"step": 1, "lo')
    Reporter().step(2, loss=2.0)
    assert [step.step for step in read_metrics(run / "metrics.jsonl")] == [2]


def test_a_second_call_for_a_step_adds_to_the_first(run: Path) -> None:
    reporter = Reporter()
    reporter.step(1, loss=2.0)
    reporter.step(1, held_out_loss=2.5)
    last = read_metrics(run / "metrics.jsonl")[-1]
    assert (last.loss, last.held_out_loss) == (2.0, 2.5)


def test_only_rank_0_writes(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    reporter = Reporter()
    reporter.step(1, loss=2.0)
    assert reporter.active
    assert not (run / "metrics.jsonl").exists()


def test_the_stop_file_asks_to_stop(run: Path) -> None:
    reporter = Reporter()
    assert not reporter.should_stop
    (run / "stop").touch()
    assert reporter.should_stop


@pytest.mark.usefixtures("run")
def test_the_signal_asks_to_stop_and_ends_nothing() -> None:
    reporter = Reporter()
    os.kill(os.getpid(), signal.SIGUSR1)
    assert reporter.should_stop


@pytest.mark.usefixtures("run")
def test_a_handler_that_was_there_is_still_called() -> None:
    called: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _frame: called.append(number))
    Reporter()
    os.kill(os.getpid(), signal.SIGUSR1)
    assert called == [signal.SIGUSR1]


def test_a_later_attempt_is_told_to_go_on(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(contract.RESUME, "1")
    assert Reporter().resume
    assert Reporter().checkpoints == run / "checkpoints"


def test_the_plan_is_read_from_its_file(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / "plan.json").write_text('{"layout": {"data": 2}}')
    monkeypatch.setenv(contract.PLAN, str(run / "plan.json"))
    assert Reporter().plan == {"layout": {"data": 2}}


@pytest.mark.usefixtures("run")
def test_a_full_disk_ends_no_training(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(contract.METRICS, "/dev/full")
    reporter = Reporter()
    reporter.step(1, loss=2.0)
    reporter.step(2, loss=2.0)
    assert capsys.readouterr().err.count("metrics are not written") == 1


def test_the_file_stands_alone_and_knows_the_contract(tmp_path: Path) -> None:
    """Copied beside a script it works under a Python without Stellwerk, and without torch being imported."""
    source = Path(reporting.__file__).read_text(encoding="utf-8")
    names = ("RUN_DIRECTORY", "METRICS", "CHECKPOINTS", "RESUME", "STOP_FILE", "STOP_SIGNAL", "PLAN")
    assert all(f'"{getattr(contract, name)}"' in source for name in names)
    (tmp_path / "reporting.py").write_text(source, encoding="utf-8")
    script = "import sys; from reporting import Reporter; Reporter(); print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {script}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"torch", "numpy", "stellwerk"}.intersection(shown)
