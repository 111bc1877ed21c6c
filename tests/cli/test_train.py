from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli import train
from stellwerk.cli.main import main
from stellwerk.errors import InputError, InputErrors, MissingExtraError, RunError
from stellwerk.launch import first_run
from stellwerk.training import read_metrics, read_outcome
from tests.launch.first_run_case import EXAMPLE, RATES

HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="needs the extra [train]")

TINY = """
schema = 1
[model]
layers = 2
hidden = 64
heads = 2
ffn_hidden = 128
vocab = 256
[training]
tokens = 30720
sequence_length = 64
global_batch_sequences = 16
precision = "bf16"
[applicant]
kind = "public"
country = "DE"
"""


def invoke(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, ["train", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_without_torch_the_command_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"stellwerk train needs .*pip install 'stellwerk\[train\]'"):
        invoke(EXAMPLE)
    assert MissingExtraError.exit_code == 2


@needs_torch
def test_a_large_model_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match=r"model\.vocab: the training program cannot do this yet"):
        invoke(EXAMPLE.parent / "german-7b.toml", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@needs_torch
def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        invoke("nowhere.toml")


@needs_torch
def test_a_file_in_place_of_the_run_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be used as a run directory"):
        invoke(EXAMPLE, "--out", tmp_path / "run")


@needs_torch
@pytest.mark.slow
def test_a_run_is_planned_carried_out_and_compared(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    code = "from stellwerk.cli.main import run; run()"
    arguments = ["train", str(tmp_path / "tiny.toml"), "--out", str(tmp_path / "run"), "--seconds", "20"]
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), "what torch has to say stays in the log"
    for word in ("Plan for", "Planned and measured", "80% interval", "step time", "MFU", "device-hours", "A sample"):
        assert word in ended.stdout

    steps = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))
    assert [step.tokens for step in steps] == [1024 * step.step for step in steps]
    assert len(steps) >= 10
    assert steps[-1].loss < steps[0].loss - 0.5

    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["schema"] == 1
    assert result["workload"]["steps"] == len(steps)
    assert result["measured"]["last_loss"] == steps[-1].loss
    assert result["measured"]["held_out_loss"] < result["measured"]["first_loss"] - 0.5
    assert result["measured"]["peak_memory_bytes"] > result["measured"]["base_memory_bytes"]
    assert result["measured"]["training_time_s"] >= sum(step.step_time_s for step in steps)
    assert {row["quantity"] for row in result["comparison"]} >= {"step time", "throughput", "MFU", "duration"}
    assert all(row["measured"] > 0 for row in result["comparison"])
    assert result["sample"] == read_outcome(tmp_path / "run" / "outcome.json").sample


@needs_torch
@pytest.mark.slow
def test_a_training_that_fails_says_why_and_where_the_log_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    monkeypatch.setattr(train, "_measure", lambda *_: RATES)
    monkeypatch.setattr(first_run, "LEARNING_RATE", 1e30)
    with pytest.raises(RunError, match=r"the training stopped: at step 2 the loss is .*; log: .*training\.log"):
        invoke(tmp_path / "tiny.toml", "--out", tmp_path / "run")
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("seconds", ["nan", "inf", "0"])
def test_a_time_that_is_no_number_is_refused_before_anything_is_measured(tmp_path: Path, seconds: str) -> None:
    arguments = ["train", str(EXAMPLE), "--out", str(tmp_path / "run"), "--seconds", seconds]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 2
    assert "'--seconds': " in result.output
    assert not (tmp_path / "run").exists()
