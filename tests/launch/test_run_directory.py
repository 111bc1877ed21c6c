from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.launch import prepare_run_directory


def test_nothing_of_an_earlier_run_passes_for_new(tmp_path: Path) -> None:
    first = prepare_run_directory(tmp_path / "a" / "run")
    for file in (first.metrics, first.outcome, first.failure, first.result):
        file.write_text("old", encoding="utf-8")
    (first.path / "notes.txt").write_text("mine", encoding="utf-8")
    second = prepare_run_directory(tmp_path / "a" / "run")
    assert {file.name for file in second.path.iterdir()} == {"notes.txt", second.job.name}


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match="run: cannot be used as a run directory"):
        prepare_run_directory(tmp_path / "run")
