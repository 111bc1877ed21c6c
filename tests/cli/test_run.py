from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stellwerk.cli import run, run_end
from stellwerk.cli.main import main
from stellwerk.errors import InputError, InputErrors, MissingExtraError, RunError
from stellwerk.launch import RunDirectory
from stellwerk.training import read_metrics, read_outcome
from tests.cli.run_case import FakeEngine
from tests.launch.local_run_case import EXAMPLE, RATES, planned

HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="needs the extra [train]")

TINY = """
schema = 2
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
[run]
learning_rate = 0.003
checkpoint_every = 5
[applicant]
kind = "public"
country = "DE"
"""


@pytest.fixture(autouse=True)
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STELLWERK_RUNS", str(tmp_path / "all-runs"))
    return tmp_path / "all-runs"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> type[FakeEngine]:
    """Nothing is measured and nothing starts."""
    FakeEngine.ends, FakeEngine.submitted = [], []
    monkeypatch.setattr(run, "LocalEngine", FakeEngine)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    monkeypatch.setattr(
        run, "_plan", lambda _, asked: run.Planned(planned(asked.workload, seconds=asked.seconds), RATES, None)
    )
    return FakeEngine


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)], catch_exceptions=False)


def output(*arguments: str | Path) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_without_torch_the_command_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"stellwerk run needs .*pip install 'stellwerk\[train\]'"):
        invoke(EXAMPLE)
    assert MissingExtraError.exit_code == 2


@needs_torch
def test_a_large_model_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match=r"model\.vocab: the training program cannot do this yet"):
        invoke(EXAMPLE.parent / "german-7b.toml", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@needs_torch
def test_a_service_is_not_trained() -> None:
    with pytest.raises(InputError, match=r"serve-70b\.toml: serving: this workload serves a model"):
        invoke(EXAMPLE.parent / "serve-70b.toml")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        invoke("nowhere.toml")


def test_a_file_in_place_of_the_run_directory_is_named(tmp_path: Path, engine: type[FakeEngine]) -> None:
    (tmp_path / "run").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"/run: --out: something else than a folder is there"):
        invoke(EXAMPLE, "--out", tmp_path / "run")
    assert not engine.submitted


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--seconds", "nan"),
        ("--seconds", "inf"),
        ("--seconds", "0"),
        ("--processes", "0"),
        ("--limit", "2"),
        ("--limit", "0h"),
        ("--limit", "two hours"),
        ("--on", "moon"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(tmp_path: Path, option: str, value: str) -> None:
    result = invoke(EXAMPLE, "--out", tmp_path / "run", option, value)
    assert result.exit_code == 2
    assert f"'{option}': " in result.output
    assert not (tmp_path / "run").exists()


def test_a_dry_run_shows_plan_and_command_and_leaves_nothing(tmp_path: Path, engine: type[FakeEngine]) -> None:
    shown = output(EXAMPLE, "--out", tmp_path / "run", "--seconds", "30", "--dry-run")
    for word in (
        "Plan for first-run",
        "1.87M parameters",
        "checkpoints",
        "torch.distributed.run",
        "--nproc-per-node=2",
    ):
        assert word in shown
    assert not engine.submitted
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_as_json(tmp_path: Path, engine: type[FakeEngine]) -> None:
    shown = json.loads(output(EXAMPLE, "--out", tmp_path / "run", "--dry-run", "--json"))
    assert shown["schema"] == 1
    assert shown["plan"]["steps"] == shown["job"]["steps"] == planned(seconds=None).expected.steps
    assert shown["command"][1:3] == ["-m", "torch.distributed.run"]
    assert not engine.submitted


def test_a_run_leaves_everything_in_its_folder(tmp_path: Path, engine: type[FakeEngine]) -> None:
    engine.ends = ["finished"]
    shown = output(EXAMPLE, "--out", tmp_path / "run", "--seconds", "30")
    for word in (
        "Plan for",
        "step 10 of",
        "Planned and measured",
        "80% interval",
        "MFU",
        "A sample",
        "§ 1 Der Bund",
        "0.1 kWh (rapl)",
        "kg CO2",
    ):
        assert word in shown
    directory = RunDirectory(tmp_path / "run")
    for file in (
        directory.workload,
        directory.resolved,
        directory.plan,
        directory.rates,
        directory.environment,
        directory.job,
        directory.script,
        directory.result,
    ):
        assert file.stat().st_size, file
    assert directory.workload.read_bytes() == EXAMPLE.read_bytes()
    assert os.access(directory.script, os.X_OK)
    assert json.loads(directory.result.read_text(encoding="utf-8"))["state"] == "finished"


def test_without_a_folder_named_a_new_one_is_listed(runs_folder: Path, engine: type[FakeEngine]) -> None:
    engine.ends = ["finished", "finished"]
    output(EXAMPLE)
    output(EXAMPLE)
    assert len([entry for entry in runs_folder.iterdir() if entry.is_dir()]) == 2


def test_the_same_again_resumes_what_was_interrupted_and_shows_what_is_finished(
    tmp_path: Path, engine: type[FakeEngine]
) -> None:
    engine.ends = ["interrupted", "finished"]
    arguments = (EXAMPLE, "--out", tmp_path / "run", "--limit", "2h")
    with pytest.raises(RunError, match=r"the run is interrupted(.|\n)*stellwerk runs resume"):
        invoke(*arguments)
    assert "goes on" in output(EXAMPLE, "--out", tmp_path / "run", "--limit", "30min")
    assert [job.limit_s for job in engine.submitted] == [7200.0, 1800.0]
    shown = output(*arguments)
    assert "is finished" in shown
    assert "2 attempts" in shown
    assert len(engine.submitted) == 2


def test_a_run_under_way_is_not_started_twice(tmp_path: Path, engine: type[FakeEngine]) -> None:
    engine.ends = ["running"]
    for _ in range(2):
        assert "is running" in output(EXAMPLE, "--out", tmp_path / "run", "--detach")
    assert len(engine.submitted) == 1


def test_a_detached_run_as_json(tmp_path: Path, engine: type[FakeEngine]) -> None:
    engine.ends = ["running"]
    shown = json.loads(
        CliRunner().invoke(main, ["run", str(EXAMPLE), "--out", str(tmp_path / "r"), "--detach", "--json"]).stdout
    )
    assert (shown["state"], shown["attempt"], shown["directory"]) == ("running", 1, str(tmp_path / "r"))


@pytest.mark.parametrize("changed", [("--seconds", "31"), ("--processes", "1")])
def test_another_run_in_the_same_folder_is_refused(
    tmp_path: Path, engine: type[FakeEngine], changed: tuple[str, str]
) -> None:
    engine.ends = ["finished"]
    output(EXAMPLE, "--out", tmp_path / "run")
    with pytest.raises(InputError, match=rf"--out: another run is there, which differs in {changed[0]}"):
        invoke(EXAMPLE, "--out", tmp_path / "run", *changed)
    assert len(engine.submitted) == 1


def test_a_run_that_fails_says_why_and_where_the_log_is(tmp_path: Path, engine: type[FakeEngine]) -> None:
    engine.ends = ["failed"]
    with pytest.raises(RunError, match=r"the run is failed: The program says: the loss is nan\n  log: .*run\.log"):
        invoke(EXAMPLE, "--out", tmp_path / "run")


def test_ctrl_c_leaves_the_run_and_says_what_can_be_done(
    tmp_path: Path, engine: type[FakeEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    engine.ends = ["running"]
    monkeypatch.setattr(run_end, "follow", interrupted)
    result = invoke(EXAMPLE, "--out", tmp_path / "run")
    assert result.exit_code == 130
    for words in ("The run goes on", "stellwerk runs logs --follow", f"stellwerk runs cancel {tmp_path / 'run'}"):
        assert words in result.output


def start_and_kill(arguments: list[str], directory: RunDirectory) -> None:
    """Everything dies at once, as when the machine does: the command, the supervisor and all that is below it."""
    command = subprocess.Popen([sys.executable, "-c", "from stellwerk.cli.main import run; run()", *arguments])
    deadline = time.monotonic() + 240
    while not list(directory.checkpoints.glob("step-*")):
        assert time.monotonic() < deadline, "no checkpoint"
        assert command.poll() is None, "ended too early"
        time.sleep(0.05)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    supervisor = json.loads(directory.state.read_text(encoding="utf-8"))["supervisor"]["pid"]
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family = {supervisor}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    for pid in family:
        os.kill(pid, signal.SIGKILL)


@needs_torch
@pytest.mark.slow
def test_a_run_is_killed_in_the_middle_goes_on_and_is_compared(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    directory = RunDirectory(tmp_path / "run")
    arguments = ["run", str(tmp_path / "tiny.toml"), "--out", str(directory.path)]
    start_and_kill(arguments, directory)
    before = read_metrics(directory.metrics)
    assert before[-1].step < 30

    code = "from stellwerk.cli.main import run; run()"
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), "what torch has to say stays in the log"
    for word in ("goes on", "Planned and measured", "80% interval", "step time", "MFU", "2 attempts", "A sample"):
        assert word in ended.stdout

    steps = read_metrics(directory.metrics)
    assert [step.step for step in steps] == list(range(1, 31))
    assert [step.tokens for step in steps] == [1024 * step.step for step in steps]
    assert [step.loss for step in steps[: len(before)]] == [step.loss for step in before], (
        "taken again with equal losses"
    )
    lines = directory.metrics.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 30 + len(before), "it began at a checkpoint, not at the start"

    result = json.loads(directory.result.read_text(encoding="utf-8"))
    assert [attempt["state"] for attempt in result["attempts"]] == ["interrupted", "finished"]
    assert result["measured"]["last_loss"] == steps[-1].loss
    assert result["measured"]["held_out_loss"] < result["measured"]["first_loss"] - 0.5
    assert result["measured"]["peak_memory_bytes"] > result["measured"]["base_memory_bytes"]
    assert {row["quantity"] for row in result["comparison"]} >= {"step time", "throughput", "MFU", "duration"}
    assert all(row["measured"] > 0 for row in result["comparison"])
    assert result["sample"] == read_outcome(directory.outcome).sample
