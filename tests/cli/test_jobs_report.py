from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Verb
from tests.cli.jobs_golden import FOLDER, REPORTS, golden_report

LOGS = Path(__file__).parents[1] / "data"
KTH = LOGS / "swf/kth-sp2-1996-first-2500.swf.gz"
GPU_WEEK = LOGS / "sacct/gpu-week.sacct"
ONE_JOB = "1 0 60 3600 4 -1 -1 4 7200 -1 1 1 1 -1 -1 -1 -1 -1\n"


@pytest.fixture
def report(in_process: Verb) -> Verb:
    return partial(in_process, "jobs", "report")


def _words(shown: str) -> str:
    return " ".join(shown.split())


def test_a_log_is_summed_up_and_its_stated_size_is_used(report: Verb) -> None:
    ended = report(KTH)
    assert ended.exit_code == 0, ended.stderr
    shown = _words(ended.stdout)
    assert "2,500 jobs from 1996-09-23" in shown
    assert "of 100 cores, stated by the log's header" in shown
    for table in ("Use by size", "Waits by size", "Use by month", "Use and queue over time", "Requested time"):
        assert table in shown


def test_a_size_that_is_given_beats_the_one_stated(report: Verb) -> None:
    found = json.loads(report(KTH, "--processors", 200, "--json").stdout)
    assert found["capacity"] == {"devices": 200, "source": "option"}
    assert found["utilisation"] == found["mean_held"] / 200


def test_json_names_the_log_and_its_version(report: Verb) -> None:
    found = json.loads(report(KTH, "--json").stdout)
    assert (found["schema"], found["log"]["file"], found["log"]["jobs"]) == (1, KTH.name, 2500)
    assert sum(size["jobs"] for size in found["sizes"]) == found["total"]["jobs"] == 2500


def test_days_are_those_of_the_zone(report: Verb) -> None:
    utc, tokyo = (json.loads(report(KTH, "--json", "--timezone", zone).stdout) for zone in ("UTC", "Asia/Tokyo"))
    assert utc["months"][0]["start"] == "1996-09-01T00:00:00+00:00"
    assert tokyo["months"][0]["start"] == "1996-09-01T00:00:00+09:00"
    assert utc["total"]["hours"] == tokyo["total"]["hours"]


def test_the_days_are_those_of_the_zone_that_the_log_states(report: Verb) -> None:
    found = json.loads(report(KTH, "--json").stdout)
    assert (found["time_zone"], found["months"][0]["start"]) == ("Europe/Stockholm", "1996-09-01T00:00:00+02:00")


def test_a_zone_that_nobody_knows_is_left_aside(report: Verb, tmp_path: Path) -> None:
    log = tmp_path / "log.swf"
    log.write_text("; UnixStartTime: 843480031\n; TimeZoneString: ../etc/passwd\n" + ONE_JOB)
    assert json.loads(report(log, "--json").stdout)["time_zone"] == "UTC"


@pytest.mark.parametrize(("by", "names"), [("partition", {"cpu", "gpu"}), ("qos", {"normal", "scavenger"})])
def test_partitions_and_qos_are_groups_too(report: Verb, by: str, names: set[str]) -> None:
    found = json.loads(report(GPU_WEEK, "--by", by, "--json").stdout)
    assert {one["name"] for one in found["groups"]} == names
    assert f"Use by {'QOS' if by == 'qos' else by}" in report(GPU_WEEK, "--by", by).stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        ("", "holds no"),
        ("; only a header\n", "holds no"),
        ("hello\n", "looks like no format"),
    ],
)
def test_what_is_no_log_is_an_error_that_names_it_or_the_option(
    report: Verb, tmp_path: Path, content: str | None, message: str
) -> None:
    log = tmp_path / "log"
    if content is not None:
        log.write_text(content)
    ended = report(log)
    assert ended.exit_code == 2
    assert message in ended.stderr
    assert str(log) in ended.stderr or "--format: " in ended.stderr  # the option that mends it


def test_a_period_counts_what_was_used_in_it(report: Verb) -> None:
    october = json.loads(report(KTH, "--json", "--from", "1996-10-01", "--to", "1996-10-31").stdout)
    whole = json.loads(report(KTH, "--json").stdout)
    assert [month["start"][:7] for month in october["months"]] == ["1996-10"]
    assert october["total"]["hours"] == pytest.approx(whole["months"][1]["hours"])
    assert "of the period from 1996-10-01 00:00 to 1996-11-01 00:00" in _words(
        report(KTH, "--from", "1996-10-01", "--to", "1996-10-31").stdout
    )


def test_users_are_listed_where_the_log_names_no_better_group_or_on_demand(report: Verb) -> None:
    shown = report(KTH, "--by", "user").stdout
    assert "Use by user" in shown
    assert "others" in shown
    every = report(KTH, "--by", "user", "--all").stdout
    assert "others" not in every
    assert len(every.splitlines()) > len(shown.splitlines())


def test_the_page_and_the_terminal_speak_german_too(report: Verb, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    ended = report(KTH, "--lang", "de", "--html", page)
    assert "Nutzung nach Größe" in ended.stdout
    assert '<html lang="de">' in page.read_text(encoding="utf-8")
    assert f"Seite geschrieben: {page}" in _words(ended.stdout).replace("\n", "")


def test_the_log_is_never_overwritten(report: Verb, tmp_path: Path) -> None:
    log = tmp_path / "log.swf.gz"
    shutil.copy(KTH, log)
    ended = report(log, "--html", log)
    assert ended.exit_code == 2
    assert "would overwrite an input" in ended.stderr
    assert log.read_bytes() == KTH.read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--timezone", "Mars/Base"),
            "--timezone: is no time zone (got 'Mars/Base'); allowed: a name such as Europe/Berlin",
        ),
        (("--timezone", "../etc/passwd"), "is no time zone"),
        (("--from", "2030-01-01"), "--from: is after all that the log holds (got '2030-01-01')"),
        (("--to", "1990-01-01"), "--to: is before all that the log holds (got '1990-01-01')"),
        (("--from", "1996-10-02", "--to", "1996-10-01"), "--to: is before --from (got '1996-10-01')"),
        (("--to", "9999-12-31"), "is at the end of the calendar"),
        (("--processors", "0"), "0 is not in the range"),
        (("--count", "node"), "--count: the log counts none (got 'node'); allowed: processor"),
        (("--by", "partition"), "--by: the log names none (got 'partition'); allowed: account, user"),
        (("--cluster", "nowhere.toml"), "nowhere.toml: the file does not exist"),
    ],
)
def test_a_mistake_names_the_option(report: Verb, options: tuple[str, ...], message: str) -> None:
    ended = report(KTH, *options)
    assert ended.exit_code == 2
    assert message in _words(ended.stderr)


def test_a_log_without_dates_counts_days_and_knows_no_period(report: Verb, tmp_path: Path) -> None:
    log = tmp_path / "log.swf"
    log.write_text(ONE_JOB)
    shown = _words(report(log).stdout)
    assert "days 0–29" in shown
    assert "The log does not say when it began" in shown
    ended = report(log, "--from", "2024-01-01")
    assert ended.exit_code == 2
    assert f"{log}: --from: the log does not say when it began" in ended.stderr


def test_names_are_no_markup(report: Verb, tmp_path: Path) -> None:
    log = tmp_path / "[red]log.swf"
    log.write_text(ONE_JOB)
    assert "[red]log.swf" in report(log).stdout


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_on_a_small_log_reads_as_it_should(name: str) -> None:
    assert golden_report(name) == (FOLDER / name).read_text(encoding="utf-8")


def test_the_small_log_holds_what_it_was_made_for(report: Verb) -> None:
    found = json.loads(report(GPU_WEEK, "--timezone", "Europe/Berlin", "--json").stdout)
    states = {one["state"]: one["jobs"] for one in found["states"]}
    assert states["node_fail"] == states["preempted"] == states["requeued"] == states["timeout"] == 1
    assert states["cancelled_waiting"] == 6  # two jobs and the four last tasks of an array
    assert (found["device"], found["edges"]["unfinished"]) == ("accelerator", 2)
    night = next(row for row in found["course"]["rows"] if row["start"].startswith("2024-03-31"))
    assert night["hours"] / night["mean_held"] == pytest.approx(23)  # the clock went forward
