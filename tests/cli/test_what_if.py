from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest

from stellwerk.cli.sweep_folder import SweepFolder
from tests.cli.conftest import Verb
from tests.measures.logs import EXCERPT

SWEEP = ("--sweep", "processors=+0,+10,+20")


@pytest.fixture
def simulate(in_process: Verb) -> Verb:
    return partial(in_process, "simulate", EXCERPT)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_before_and_after_stand_side_by_side(simulate: Verb) -> None:
    ended = simulate("--change", "processors+20")
    assert ended.exit_code == 0, ended.stderr
    rows = [_cells(line) for line in ended.stdout.splitlines() if line.startswith("│")]
    assert ["Machine (processors)", "100", "120"] in rows
    assert ["Mean wait", "2.15 h", "1.02 h"] in rows
    assert "Nothing is drawn at random" in ended.stdout


def test_each_change_alone_and_all_together(simulate: Verb) -> None:
    ended = simulate("--change", "processors+20", "--change", "load=1.2", "--each", "--json")
    found = json.loads(ended.stdout)
    assert [one["changes"] for one in found["outcomes"]] == [
        [],
        ["processors+20"],
        ["load=1.2"],
        ["processors+20", "load=1.2"],
    ]
    assert found["schema"] == 1
    assert found["log"]["replayed"] == 2_499


def test_the_page_is_written_in_german(simulate: Verb, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ended = simulate("--change", "processors+20", "--html", page, "--lang", "de")
    assert ended.exit_code == 0, ended.stderr
    assert "<h1>Was wäre, wenn: processors+20</h1>" in page.read_text()
    assert "Mittlere Wartezeit" in ended.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--change", "procesors+20"), "--change: is no change that a replay knows (got 'procesors+20')"),
        (("--change", "nodes+2"), "--change: needs a cluster of nodes"),
        (("--change", "policy=esay"), "did you mean 'easy'?"),
        (("--sweep", "processors"), "--sweep: names no values to go through"),
        (("--html", "x.html"), "--html shows what a change does: give at least one --change or --sweep"),
        (("--scenario", 1), "--scenario shows what a change does"),
        (("--change", "processors+2", "--on", "slurm"), "belong to a sweep"),
        ((*SWEEP, "--on", "slurm"), "--on slurm needs --sweep-dir"),
        ((*SWEEP, "--each"), "give --change without --sweep"),
        ((*SWEEP, "--scenario", 3), "--scenario 3: the sweep has 3, from 0"),
        ((*SWEEP, "--out", "x.csv"), "--out and --compare are about one schedule"),
    ],
)
def test_what_cannot_be_asked_is_named(simulate: Verb, options: tuple[object, ...], said: str) -> None:
    ended = simulate(*options)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())


def test_a_sweep_has_a_row_per_scenario(simulate: Verb) -> None:
    ended = simulate(*SWEEP, "--workers", 1)
    rows = [_cells(line) for line in ended.stdout.splitlines() if line.startswith("│")]
    assert [row[:3] for row in rows] == [
        ["processors+0", "100", "2.15 h"],
        ["processors+10", "110", "1.36 h"],
        ["processors+20", "120", "1.02 h"],
    ]


class _Slurm:
    """An ``sbatch`` that notes what it was given, and the elements of the array run by hand."""

    def __init__(self, folder: Path, simulate: Verb) -> None:
        self.sweep = folder / "sweep"
        self.notes = folder / "notes"
        self.options = (*SWEEP, "--on", "slurm", "--sweep-dir", self.sweep)
        self._simulate = simulate
        sbatch = folder / "bin/sbatch"
        sbatch.parent.mkdir()
        sbatch.write_text(f'#!/bin/sh\necho "$@" >>{self.notes}\necho 4711\n')
        sbatch.chmod(0o755)

    def call(self, *more: object) -> tuple[int, str, str]:
        return self._simulate(*self.options, *more)


@pytest.fixture
def slurm(simulate: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Slurm:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin:/bin")
    return _Slurm(tmp_path, simulate)


def test_a_sweep_on_slurm_is_submitted_once_and_collected_by_the_same_command(slurm: _Slurm, simulate: Verb) -> None:
    assert "Submitted 3 scenarios as job 4711" in slurm.call()[1]
    assert slurm.notes.read_text() == f"--parsable {slurm.sweep / 'job.sh'}\n"
    assert '--scenario "$SLURM_ARRAY_TASK_ID"' in (slurm.sweep / "job.sh").read_text()
    for number in (0, 2):
        assert slurm.call("--scenario", number)[0] == 0
    waiting = slurm.call()[1]
    assert "2 of 3 scenarios are done" in waiting
    assert f"sbatch --array=1 {slurm.sweep / 'job.sh'}" in waiting
    assert slurm.call("--scenario", 1)[0] == 0
    here = json.loads(simulate(*SWEEP, "--workers", 1, "--json").stdout)
    assert json.loads(slurm.call("--json")[1]) == here
    assert len(slurm.notes.read_text().splitlines()) == 1


def test_without_sbatch_the_job_is_written_and_said(slurm: _Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert f"sbatch {slurm.sweep / 'job.sh'}" in slurm.call()[1]
    assert (slurm.sweep / "job.sh").exists()


def test_a_refusal_of_sbatch_is_shown_and_nothing_counts_as_submitted(slurm: _Slurm, tmp_path: Path) -> None:
    (tmp_path / "bin/sbatch").write_text("#!/bin/sh\necho no such account >&2\nexit 1\n")
    exit_code, _, said = slurm.call()
    assert exit_code == 1
    assert "no such account" in said
    assert not (slurm.sweep / "submitted").exists()


def test_a_folder_holds_one_sweep(slurm: _Slurm, simulate: Verb) -> None:
    slurm.call()
    ended = simulate("--sweep", "policy=easy,fcfs", "--on", "slurm", "--sweep-dir", slurm.sweep)
    assert ended.exit_code == 2
    assert "holds another sweep" in ended.stderr


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"changes": ["nodes+1"]}'])
def test_a_result_that_is_none_is_named(slurm: _Slurm, content: str) -> None:
    slurm.call()
    SweepFolder(slurm.sweep).keep(0, {})
    (slurm.sweep / "results/0.json").write_text(content)
    exit_code, _, said = slurm.call()
    assert exit_code == 2
    assert "results/0.json" in said
