from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.launch.runs import RunStore
from tests.cli.conftest import Verb


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("STELLWERK_RUNS", str(tmp_path / "runs"))
    return RunStore(tmp_path / "runs")


def test_a_run_that_is_not_there_is_named(in_process: Verb) -> None:
    ended = in_process("export", "nothing")
    assert ended.exit_code == 2
    assert "RUN: there is no such run (got 'nothing')" in ended.stderr


def test_a_run_of_another_program_is_refused(in_process: Verb, runs: RunStore) -> None:
    run = runs.create("own program", created=datetime.datetime.now(datetime.UTC))
    ended = in_process("export", run.id)
    assert ended.exit_code == 2
    assert "only runs of the reference program can be exported" in ended.stderr


@pytest.mark.slow
def test_a_run_that_cannot_be_exported_ends_with_exit_code_2(runs: RunStore) -> None:
    run = runs.create("broken", created=datetime.datetime.now(datetime.UTC))
    (run.path / "job.json").write_text("{}")
    command = "from stellwerk.cli.main import run; run()"
    ended = subprocess.run(
        [sys.executable, "-c", command, "export", run.id], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "job.json: cannot be read by this version" in ended.stderr
    assert "Traceback" not in ended.stderr
