from __future__ import annotations

import tomllib
from functools import partial
from pathlib import Path

import pytest

from stellwerk.records import write_training_runs
from tests.cli.conftest import Verb
from tests.planner.evaluation.published import run

SYSTEM = "jsc-juwels-booster"  # A100 with 40 GB
OTHER = "jsc-jureca-dc-gpu"
WORKLOAD = Path(__file__).parents[2] / "examples" / "german-7b.toml"


@pytest.fixture
def calibrate(in_process: Verb) -> Verb:
    return partial(in_process, "calibrate")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    rows = [
        run(id="first", gpu="A100-SXM-40GB", step_time_s=4.5),
        run(id="again", gpu="A100-SXM-40GB", step_time_s=7.0),
        run(id="elsewhere"),
        run(id="impossible", gpu="A100-SXM-40GB", n_gpus=15),
    ]
    write_training_runs(path, rows)
    return path


@pytest.fixture
def overlay(calibrate: Verb, tmp_path: Path) -> Path:
    """Of one run that took a third longer than is predicted."""
    table, out = tmp_path / "one.csv", tmp_path / "overlay.toml"
    write_training_runs(table, [run(id="slow", gpu="A100-SXM-40GB", step_time_s=5.5)])
    assert calibrate("--runs", table, "--system", SYSTEM, "--out", out).exit_code == 0
    return out


def test_what_was_found_is_shown_and_written(calibrate: Verb, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "overlay.toml"
    ended = calibrate("--runs", table, "--system", SYSTEM, "--out", out)
    assert (ended.exit_code, ended.stderr) == (0, "")
    shown = " ".join(ended.stdout.split())
    for said in (
        f"{SYSTEM}: A100-SXM-40GB, megatron_core, from 2 runs",
        "Run measured, s before, s after, s",
        "pace",
        "matmul, attention, memory",
        "Not identified by these runs, left at 1: ",
        "Not used (it was measured on another accelerator): elsewhere",
        "Refused: row impossible (line 5), n_gpus = 15: the layout tp 2 x pp 2 x cp 1 x dp 4 multiplies to 16 GPUs",
        "Contradictory: first, again: 4.5, 7 s, though every condition is the same",
    ):
        assert said in shown
    written = tomllib.loads(out.read_text())
    assert (written["system"], written["accelerator"]) == (SYSTEM, "a100-sxm-40gb")
    assert [one["id"] for one in written["runs"]] == ["again", "first"]
    assert str(tmp_path) not in out.read_text()


def test_without_a_file_nothing_is_written(calibrate: Verb, table: Path, tmp_path: Path) -> None:
    ended = calibrate("--runs", table, "--system", SYSTEM)
    assert ended.exit_code == 0
    assert "Nothing was written" in ended.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


def test_a_file_that_is_there_stays(calibrate: Verb, table: Path, overlay: Path) -> None:
    before = overlay.read_text()
    ended = calibrate("--runs", table, "--system", SYSTEM, "--out", overlay)
    assert ended.exit_code == 2
    assert "--out: exists and is not replaced" in ended.stderr
    assert overlay.read_text() == before


def test_a_finished_run_is_read_from_its_folder(calibrate: Verb, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    ended = calibrate("--run", folder, "--system", SYSTEM)
    assert ended.exit_code == 2
    assert "--run: holds no run-record.csv" in ended.stderr
    row = run(gpu="A100-SXM-40GB", framework="stellwerk 0.1.0 reference program (FSDP2)")
    write_training_runs(folder / "run-record.csv", [row])
    ended = calibrate("--run", folder, "--system", SYSTEM)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "torch_native, from 1 run\n" in ended.stdout


def test_a_run_on_processors_is_refused_with_the_reason(calibrate: Verb, tmp_path: Path) -> None:
    write_training_runs(tmp_path / "run-record.csv", [run(gpu="AMD EPYC 9654")])
    ended = calibrate("--run", tmp_path, "--system", SYSTEM)
    assert ended.exit_code == 2
    assert "run-record.csv: rows: holds no run that can be used" in ended.stderr
    assert "a: the accelerator is not in the catalogue" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--system", SYSTEM), "--runs or --run: is needed, and only one"),
        (("--runs", "a.csv", "--run", "b", "--system", SYSTEM), "--runs or --run: is needed, and only one"),
        (("--runs", "a.csv", "--system", "juwels-booster"), "did you mean 'jsc-juwels-booster'?"),
        (("--runs", "a.csv", "--system", "jsc-haicore"), "--system: cannot be planned on:"),
        (("--runs", "a.csv", "--system", SYSTEM), "a.csv: the file does not exist"),
    ],
)
def test_a_mistake_is_named(arguments: tuple[str, ...], said: str, calibrate: Verb) -> None:
    ended = calibrate(*arguments)
    assert ended.exit_code == 2
    assert said in ended.stderr


def test_a_plan_uses_what_was_found(in_process: Verb, overlay: Path) -> None:
    def step_s(*more: object) -> float:
        ended = in_process("plan", WORKLOAD, "--on", SYSTEM, *more)
        assert (ended.exit_code, ended.stderr) == (0, "")
        assert ("Refined with measured runs of this system itself (1)" in " ".join(ended.stdout.split())) == bool(more)
        line = next(line for line in ended.stdout.splitlines() if "Step time, s" in line)
        return float(line.split("│")[2].split()[0].replace(",", ""))

    assert step_s("--calibration", overlay) > 1.05 * step_s()


@pytest.mark.parametrize("verb", ["explain", "match"])
def test_the_other_verbs_take_it_too(verb: str, in_process: Verb, overlay: Path) -> None:
    on = () if verb == "match" else ("--on", SYSTEM)
    more = ("--json",) if verb == "match" else ()  # which shows what does not decide, too
    ended = in_process(verb, WORKLOAD, *on, "--calibration", overlay, *more)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "Refined with measured runs of this system itself (1)" in " ".join(ended.stdout.split())


def test_a_calibration_of_another_system_is_refused(in_process: Verb, overlay: Path) -> None:
    ended = in_process("plan", WORKLOAD, "--on", OTHER, "--calibration", overlay)
    assert ended.exit_code == 2
    assert f"{overlay}: system: is a calibration of another system (got '{SYSTEM}'); allowed: {OTHER}" in ended.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f'system = "{SYSTEM}"', 'system = "nowhere"', "system: no system or product has this id (got 'nowhere')"),
        ("a100-sxm-40gb", "h100-sxm-80gb", "accelerator: is not the accelerator of jsc-juwels-booster"),
    ],
)
def test_a_calibration_that_does_not_fit_is_refused(
    old: str, new: str, said: str, in_process: Verb, overlay: Path
) -> None:
    overlay.write_text(overlay.read_text().replace(old, new))
    ended = in_process("match", WORKLOAD, "--calibration", overlay)
    assert ended.exit_code == 2
    assert f"{overlay}: {said}" in ended.stderr


def test_one_system_has_one_calibration(in_process: Verb, overlay: Path) -> None:
    ended = in_process("match", WORKLOAD, "--calibration", overlay, "--calibration", overlay)
    assert ended.exit_code == 2
    assert "system: another file calibrates it, too" in ended.stderr


def test_a_calibration_on_other_constants_is_said(in_process: Verb, overlay: Path) -> None:
    text = overlay.read_text()
    line = next(line for line in text.splitlines() if line.startswith("constants_sha256"))
    overlay.write_text(text.replace(line, f'constants_sha256 = "{"0" * 64}"'))
    ended = in_process("plan", WORKLOAD, "--on", SYSTEM, "--calibration", overlay)
    assert ended.exit_code == 0
    assert "made with other constants than those of this version" in ended.stderr
    assert "that does not narrow the interval" in " ".join(ended.stdout.split())
