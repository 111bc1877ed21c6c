from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stellwerk.errors import InputError
from stellwerk.launch import Job, RunDirectory
from stellwerk.launch.programs.job import program_job
from stellwerk.launch.programs.placeholders import placeholder_values
from stellwerk.workload import PLACEHOLDERS, Program, RunSettings
from tests.launch.local_run_case import EXAMPLE, planned

FIRST = planned(seconds=60)
PATTERN = r"(?P<step>\d+) (?P<loss>\S+)"


def job(folder: Path, *command: str, run: RunSettings | None = None, **program: Any) -> Job:
    (folder / "train.py").touch()
    workload = replace(
        FIRST.workload, program=Program(command=command, directory=folder, **program), run=run or RunSettings()
    )
    return program_job(workload, FIRST.plan, folder / "run", file=folder / "my.toml")


def complaint(folder: Path, *command: str, **program: Any) -> str:
    with pytest.raises(InputError) as caught:
        job(folder, *command, **program)
    return str(caught.value)


def test_a_script_is_pythons_argument_under_torchrun(tmp_path: Path) -> None:
    made = job(tmp_path, "train.py", "--lr", "1")
    assert made.program == ("train.py", "--lr", "1")
    assert (made.launcher, made.processes, made.directory) == ("torchrun", 2, tmp_path)
    assert job(tmp_path, "-m", "a.b").program == ("-m", "a.b")


def test_any_other_program_is_started_without_python(tmp_path: Path) -> None:
    assert job(tmp_path, "sh", "-c", "true").program == ("--no-python", "sh", "-c", "true")
    assert job(tmp_path, "sh", "-c", "true", launcher="none").program == ("sh", "-c", "true")


def test_a_log_pattern_comes_along(tmp_path: Path) -> None:
    assert job(tmp_path, "train.py", log_pattern=PATTERN).log_pattern == PATTERN


def test_the_environment_is_what_the_person_says(tmp_path: Path) -> None:
    made = job(tmp_path, "train.py", environment=(("OMP_NUM_THREADS", "4"), ("OUT", "{checkpoints}/x")))
    assert made.environment["OMP_NUM_THREADS"] == "4"
    assert made.environment["OUT"] == f"{tmp_path}/run/checkpoints/x"
    assert job(tmp_path, "train.py").environment["OMP_NUM_THREADS"] == "1"


def test_stopping_and_resuming_are_as_the_file_says(tmp_path: Path) -> None:
    made = job(tmp_path, "train.py", stop_signal="USR1", stop_before_s=7.0, resume_arguments=("--from={checkpoints}",))
    assert (made.stop_signal, made.stop_before_s) == ("USR1", 7.0)
    assert made.resume_arguments == (f"--from={tmp_path}/run/checkpoints",)


def test_placeholders_get_the_plans_values(tmp_path: Path) -> None:
    layout = FIRST.plan.layout
    made = job(tmp_path, "train.py", "{micro_batch}x{accumulation}x{data}", "{sequence_length}", "{steps}")
    batch = f"{layout.micro_batch}x{layout.micro_batches}x{layout.data}"
    assert made.program[1:] == (batch, "256", str(FIRST.workload.training.steps))
    assert job(tmp_path, "train.py", "{learning_rate}", run=RunSettings(learning_rate=3e-4)).program[1] == "0.0003"


def test_a_placeholder_without_a_value_names_the_section_that_gives_it(tmp_path: Path) -> None:
    said = complaint(tmp_path, "train.py", "{learning_rate}")
    assert "my.toml: program.command: {learning_rate} has no value" in said
    assert "learning_rate = … in the section [run]" in said


def test_every_placeholder_has_a_meaning(tmp_path: Path) -> None:
    run = RunSettings(learning_rate=1.0, dataset=tmp_path, base=tmp_path)
    value_of = placeholder_values(replace(FIRST.workload, run=run), FIRST.plan, RunDirectory(tmp_path), file=EXAMPLE)
    assert all(value_of(name, "program.command") for name in PLACEHOLDERS)


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    assert "did you mean 'train.py'?" in complaint(tmp_path, "trian.py")
    assert "no program of this name" in complaint(tmp_path, "no-such-program-anywhere")


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path) -> None:
    workload = replace(FIRST.workload, program=Program(command=("train.py",), directory=tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"my\.toml: program\.directory: there is no such folder"):
        program_job(workload, FIRST.plan, tmp_path, file=tmp_path / "my.toml")
