from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.launch import RunDirectory, check_same_run, what_decides, write_run_files
from stellwerk.launch.run_files import read_name
from stellwerk.workload import RunSettings, Workload
from tests.launch.local_run_case import EXAMPLE, WORKLOAD, planned


def decides(workload: Workload = WORKLOAD, seconds: float | None = None) -> dict[str, object]:
    return what_decides(workload, processes=None, seconds=seconds)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path)
    source, expected = EXAMPLE.read_bytes(), planned().expected
    write_run_files(
        directory, WORKLOAD, source=source, decides=decides(), expected=expected, environment="# python 3\n"
    )
    return directory


def test_the_folder_says_what_was_asked_for_planned_and_there(directory: RunDirectory) -> None:
    assert directory.workload.read_bytes() == EXAMPLE.read_bytes()
    assert directory.environment.read_text(encoding="utf-8") == "# python 3\n"
    assert json.loads(directory.plan.read_text(encoding="utf-8"))["steps"] == planned().expected.steps
    resolved = json.loads(directory.resolved.read_text(encoding="utf-8"))
    assert resolved["schema"] == 1
    assert resolved["architecture"]["head_dim"] == WORKLOAD.architecture.head_dim
    assert resolved["run"]["seed"] == 1
    assert read_name(directory) == "first-run"


def test_an_empty_folder_holds_no_run(tmp_path: Path) -> None:
    assert not check_same_run(RunDirectory(tmp_path / "nowhere"), decides())
    assert read_name(RunDirectory(tmp_path / "nowhere")) == "nowhere"


def test_the_same_run_is_recognised(directory: RunDirectory) -> None:
    assert check_same_run(directory, decides())


def test_a_changed_run_is_refused_with_what_differs_and_what_to_do(directory: RunDirectory) -> None:
    changed = replace(WORKLOAD, run=RunSettings(seed=5))
    with pytest.raises(
        InputError, match=r"--out: another run is there, .*run\.seed: 1 there, 5 here; allowed: another"
    ):
        check_same_run(directory, decides(changed))


def test_a_broken_file_is_named(directory: RunDirectory) -> None:
    directory.resolved.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"workload\.json: cannot be read"):
        check_same_run(directory, decides())
