from __future__ import annotations

import dataclasses
import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stellwerk.cli.main import main, run
from stellwerk.launch.energy import EnergyMeter, choose_counter
from stellwerk.launch.expectation import write_expectation
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import Attempt, RunRecord, write_record
from stellwerk.messages import Reason
from stellwerk.training import StepMetrics, write_json
from stellwerk.training.profile_file import append_profile
from tests.launch.doctor.case import EXPECTED, HEALTHY, JOB, RATES, lines

NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


def write_steps(directory: RunDirectory, steps: list[StepMetrics]) -> None:
    directory.metrics.write_text("".join(json.dumps(dataclasses.asdict(step)) + "\n" for step in steps))


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """A run as it was planned, with all that a run leaves behind."""
    found = RunDirectory(tmp_path / "german")
    found.path.mkdir()
    write_steps(found, lines())
    write_json(found.job, JOB)
    write_json(found.rates, RATES)
    write_expectation(found.plan, EXPECTED)
    found.environment.write_text("# accelerators none\n")
    for profile in HEALTHY.profiles:
        append_profile(found.profile, profile)
    counter, reason = choose_counter(on_gpus=False, processes=2, powercap=tmp_path, power_w=60.0)
    clock = iter([0.0, 10.0])
    meter = EnergyMeter(found.energy, counter, reason, clock=lambda: next(clock))
    meter.start()
    meter.stop()
    write_record(found.state, RunRecord("key", "local", 2, (Attempt("finished", NOON, NOON),)))
    return found


def doctor(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)], catch_exceptions=False)


def test_a_run_as_planned_gets_a_clean_bill(directory: RunDirectory) -> None:
    shown = doctor(directory.path).output
    assert "finished, 100 steps, attempts: 1" in shown.replace("\n", " ")
    assert "planned were 100 ms (90 to 115 ms)" in shown.replace("\n", " ")
    assert "Energy: 1.2 kJ in 10 s (estimate from a stated power)" in shown
    assert "Nothing stands out" in shown
    assert "Not judged" not in shown


def test_causes_evidence_and_what_to_try_stand_in_both_languages(directory: RunDirectory) -> None:
    write_steps(directory, lines(data_s=0.031))
    english, german = doctor(directory.path).output, doctor(directory.path, "--lang", "de").output
    assert "1. about 31% of the time" in english
    assert "wait for their data: 31.0 ms of a step's 101 ms" in " ".join(english.split())
    assert "`stellwerk data prepare`" in " ".join(english.split())
    assert "1. etwa 31 % der Zeit" in german
    assert "warten auf ihre Daten: 31,0 ms von 101 ms" in " ".join(german.split())


def test_square_brackets_in_advice_are_shown(directory: RunDirectory) -> None:
    steps = [replace(one, checkpoint_s=0.5 if one.step % 20 == 0 else 0.0) for one in lines()]
    write_steps(directory, steps)
    assert "([run] checkpoint_every)" in " ".join(doctor(directory.path).output.split())


def test_json_holds_codes_figures_and_shares(directory: RunDirectory) -> None:
    write_steps(directory, lines(data_s=0.031))
    answer = json.loads(doctor(directory.path, "--json").output)
    assert answer["schema"] == 1
    assert answer["step_time_s"]["planned"] == {"low": 0.09, "best": 0.1, "high": 0.115}
    (finding,) = answer["findings"]
    assert finding["cause"]["code"] == "doctor_data_wait"
    assert finding["cause"]["params"]["data_ms"] == pytest.approx(31)
    assert finding["advice"] == {"code": "doctor_try_prepared_data", "params": {}}
    assert finding["share"] == pytest.approx(0.305, rel=0.01)
    assert answer["missing"] == []


def test_a_run_that_failed_says_why_and_steps_taken_twice_count(directory: RunDirectory) -> None:
    write_steps(directory, [*lines(60), *lines(100)[40:]])
    directory.failure.write_text("at step 100 the loss is nan\n")
    attempts = (
        Attempt("interrupted", NOON, NOON),
        Attempt("failed", NOON, NOON, reason=Reason("run_supervisor_failed", {"text": "[no] space"})),
    )
    write_record(directory.state, RunRecord("key", "local", 2, attempts))
    shown = " ".join(doctor(directory.path).output.split())
    assert "failed, 100 steps, attempts: 2" in shown
    assert "[no] space" in shown
    assert "The program said: at step 100 the loss is nan" in shown
    assert "20 steps (2 s) were taken twice" in shown or "20 steps (2.0 s) were taken twice" in shown


def test_a_run_that_took_no_step_yet(directory: RunDirectory) -> None:
    directory.metrics.unlink()
    shown = " ".join(doctor(directory.path).output.split())
    assert "No step was taken" in shown


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("job.json", '{"processes": 2}'),
        ("rates.json", "[]"),
        ("plan.json", '{"schema": 99}'),
        ("energy.jsonl", '{"colour": 1}\n'),
        ("profile.jsonl", "{}\n"),
        ("outcome.json", "nonsense"),
        ("state.json", "{}"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_named(
    directory: RunDirectory,
    file: str,
    content: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (directory.path / file).write_text(content)
    monkeypatch.setattr("sys.argv", ["stellwerk", "doctor", str(directory.path)])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert file in capsys.readouterr().err


def test_a_folder_without_a_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["stellwerk", "doctor", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert "no run directory" in capsys.readouterr().err
