from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from stellwerk.launch import Attempt, RunDirectory, RunRecord, what_decides, write_result, write_run_files
from stellwerk.messages import Reason
from stellwerk.training import write_json
from tests.launch.local_run_case import EXAMPLE, RATES, WORKLOAD, planned
from tests.launch.test_comparison import METRICS, OUTCOME

START = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
END = START + datetime.timedelta(seconds=40)


def record(*attempts: Attempt) -> RunRecord:
    return RunRecord(key="k", engine="local", processes=2, attempts=attempts)


FINISHED = record(
    Attempt("interrupted", since=END, started=START, wall_s=40.0, reason=Reason("run_vanished")),
    Attempt("finished", since=END, started=START, wall_s=20.0, exit_code=0, energy_j=None),
)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path)
    write_run_files(
        directory,
        WORKLOAD,
        source=EXAMPLE.read_bytes(),
        decides=what_decides(WORKLOAD, processes=None, seconds=30.0),
        expected=planned().expected,
        environment="",
    )
    write_json(directory.rates, RATES)
    return directory


def test_a_finished_run_says_everything_over_all_attempts(directory: RunDirectory) -> None:
    write_json(directory.outcome, OUTCOME)
    directory.metrics.write_text("".join(json.dumps(asdict(step)) + "\n" for step in METRICS), encoding="utf-8")
    write_result(directory, FINISHED)
    result = json.loads(directory.result.read_text(encoding="utf-8"))
    assert result["schema"] == 2
    assert result["state"] == "finished"
    assert result["as_of"] == "2026-01-02T03:04:45+00:00"
    assert [attempt["state"] for attempt in result["attempts"]] == ["interrupted", "finished"]
    assert result["usage"] == {"wall_s": 60.0, "device_s": 120.0, "energy_j": None, "energy_source": None}
    assert result["plan"]["step_time_s"] == planned().plan.step_time_s.as_dict()
    assert result["machine"]["cores"] == RATES.cores
    assert result["workload"]["name"] == "first-run"
    assert (result["measured"]["first_loss"], result["measured"]["steps"]) == (5.5, len(METRICS))
    assert result["comparison"][0]["measured"] == 0.2
    assert result["sample"] == "§ 1 Der Bund"
    assert result["versions"]["torch"] == "2.13.0"


def test_what_a_run_did_not_come_to_is_null(directory: RunDirectory) -> None:
    result = write_result(directory, record(Attempt("failed", since=END, started=START, exit_code=1)))
    assert result["state"] == "failed"
    assert result["sample"] is None
    assert result["measured"]["last_loss"] is None
    assert result["measured"]["held_out_loss"] is None
    assert all(row["measured"] is None for row in result["comparison"])


def test_a_run_without_a_plan_has_no_comparison(directory: RunDirectory) -> None:
    directory.plan.unlink()
    assert write_result(directory, FINISHED)["comparison"] == []


def test_emissions_follow_from_the_energy_and_the_applicant_s_country(directory: RunDirectory) -> None:
    assert write_result(directory, FINISHED)["emissions"] is None
    took = Attempt("finished", since=END, started=START, wall_s=20.0, energy_j=3.6e6, energy_source="rapl")
    emissions = write_result(directory, record(took))["emissions"]
    assert emissions["country"] == "DE"
    assert emissions["co2_kg"] == pytest.approx(emissions["co2_g_per_kwh"] / 1000)
    assert emissions["intensity_note"]
