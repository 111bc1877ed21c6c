from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stellwerk.cli import run, runs
from stellwerk.cli.main import main
from stellwerk.errors import InputError, RunError
from tests.cli.run_case import FakeEngine
from tests.launch.local_run_case import EXAMPLE, RATES, planned


@pytest.fixture(autouse=True)
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is measured and nothing starts."""
    FakeEngine.ends, FakeEngine.submitted = [], []
    monkeypatch.setenv("STELLWERK_RUNS", str(tmp_path / "all-runs"))
    monkeypatch.setattr(run, "LocalEngine", FakeEngine)
    monkeypatch.setattr(runs, "LocalEngine", FakeEngine)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    monkeypatch.setattr(
        run, "_plan", lambda _, asked: run.Planned(planned(asked.workload, seconds=asked.seconds), RATES, None)
    )
    return tmp_path / "all-runs"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], catch_exceptions=False)


def output(*arguments: str | Path) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def started(folder: Path, end: str = "running") -> Path:
    FakeEngine.ends.append(end)  # type: ignore[arg-type]
    output("run", EXAMPLE, "--out", folder, "--seconds", "30", "--detach")
    return folder


def test_no_runs_say_how_to_start_one() -> None:
    assert "stellwerk run workload.toml" in output("runs", "list")
    assert json.loads(output("runs", "list", "--json")) == {"schema": 1, "runs": []}


def test_the_list_says_where_each_stands(tmp_path: Path) -> None:
    started(tmp_path / "one", "finished")
    started(tmp_path / "two", "failed")
    listed = output("runs", "list")
    assert {"finished", "failed"} <= set(listed.split())
    assert "first-run" in listed
    assert "…" not in listed, "nobody can copy an id that is cut off"
    assert f"of {planned().expected.steps:,}" in listed
    rows = json.loads(output("runs", "list", "--json"))["runs"]
    assert {row["state"] for row in rows} == {"finished", "failed"}
    assert {row["planned_steps"] for row in rows} == {planned().expected.steps}


def test_only_the_latest_are_listed_unless_all_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LISTED", 1)
    started(tmp_path / "one", "finished")
    started(tmp_path / "two", "finished")
    assert "1 of 2 runs; --all lists them all" in output("runs", "list")
    assert output("runs", "list", "--all").count("first-run") == 2


def test_a_run_is_shown_with_its_attempts_and_measurement_so_far(tmp_path: Path) -> None:
    started(tmp_path / "one", "failed")
    shown = output("runs", "show", tmp_path / "one")
    for words in ("first-run: failed, step 10 of", "The program says:", "Planned and measured", "unknown"):
        assert words in shown
    assert json.loads((tmp_path / "one" / "result.json").read_text(encoding="utf-8"))["state"] == "failed"
    known = json.loads(output("runs", "show", tmp_path / "one", "--json"))
    assert (known["state"], known["directory"]) == ("failed", str(tmp_path / "one"))


def test_a_run_under_way_gets_no_result_file(tmp_path: Path) -> None:
    started(tmp_path / "one")
    assert "stellwerk runs cancel" in output("runs", "show", tmp_path / "one")
    assert not (tmp_path / "one" / "result.json").exists()


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    started(tmp_path / "one")
    (row,) = json.loads(output("runs", "list", "--json"))["runs"]
    assert str(tmp_path / "one") in output("runs", "show", row["id"][:4])


@pytest.mark.parametrize("verb", ["show", "cancel", "resume", "logs"])
def test_an_unknown_run_is_a_mistake(verb: str) -> None:
    with pytest.raises(InputError, match=r"RUN: there is no such run \(got 'nowhere'\)"):
        invoke("runs", verb, "nowhere")


def test_cancelling_asks_and_says_how_to_go_on(tmp_path: Path) -> None:
    started(tmp_path / "one")
    assert "is asked to write a checkpoint and stop" in output("runs", "cancel", tmp_path / "one")
    assert (tmp_path / "one" / "cancelled").read_text(encoding="utf-8") == "asked"
    assert "is killed" in output("runs", "cancel", tmp_path / "one", "--now")
    assert (tmp_path / "one" / "cancelled").read_text(encoding="utf-8") == "now"


def test_what_has_ended_is_not_cancelled(tmp_path: Path) -> None:
    started(tmp_path / "one", "finished")
    assert "is finished; there is nothing to cancel" in output("runs", "cancel", tmp_path / "one")
    assert not (tmp_path / "one" / "cancelled").exists()


def test_resuming_submits_the_same_again(tmp_path: Path) -> None:
    started(tmp_path / "one", "stopped")
    FakeEngine.ends = ["finished"]
    shown = output("runs", "resume", tmp_path / "one", "--limit", "3h")
    assert "Planned and measured" in shown
    first, second = FakeEngine.submitted
    assert first.program == second.program
    assert (first.limit_s, second.limit_s) == (None, 10_800.0)


def test_resuming_what_fails_again_says_why(tmp_path: Path) -> None:
    started(tmp_path / "one", "stopped")
    FakeEngine.ends = ["failed"]
    with pytest.raises(RunError, match="the loss is nan"):
        invoke("runs", "resume", tmp_path / "one")


def test_the_log_whole_and_its_end(tmp_path: Path) -> None:
    started(tmp_path / "one")
    assert output("runs", "logs", tmp_path / "one") == "first\nsecond\nthird\n"
    assert output("runs", "logs", tmp_path / "one", "-n", "1") == "third\n"
    assert output("runs", "logs", tmp_path / "one", "--follow") == "first\nsecond\nthird\n"


def test_the_list_loads_nothing_that_plans_or_trains() -> None:
    code = (
        "import sys, stellwerk.cli.runs; "
        "print([m for m in sys.modules if m in ('numpy', 'torch', 'pydantic', 'stellwerk.planner')])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
