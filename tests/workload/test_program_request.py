from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stellwerk.errors import InputErrors
from stellwerk.training import StepMetrics
from stellwerk.workload import PLACEHOLDERS, Program, fill_placeholders, read_workload
from stellwerk.workload.document import ProgramSection
from stellwerk.workload.program_request import LOG_GROUPS, looks_secret
from tests.workload.documents import WORKLOAD, changed, write_workload

PATTERN = r"step (?P<step>\d+) loss (?P<loss>\S+)"


def read(folder: Path, **program: Any) -> Program:
    document = changed(WORKLOAD, program={"command": "train.py", **program})
    found = read_workload(write_workload(folder / "test.toml", document)).program
    assert found is not None
    return found


def complaint(folder: Path, **program: Any) -> str:
    with pytest.raises(InputErrors) as caught:
        read(folder, **program)
    return str(caught.value)


def test_a_command_alone_is_enough(tmp_path: Path) -> None:
    assert read(tmp_path) == Program(command=("train.py",), directory=tmp_path)


def test_a_workload_without_the_section_has_no_program(tmp_path: Path) -> None:
    assert read_workload(write_workload(tmp_path / "test.toml", WORKLOAD)).program is None


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    assert read(
        tmp_path,
        command=["-m", "trainer", "--out", "{checkpoints}"],
        directory="code",
        environment={"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": 4},
        resume_arguments="--resume 'latest one'",
        stop_signal="USR1",
        stop_before="5min",
        log_pattern=PATTERN,
    ) == Program(
        command=("-m", "trainer", "--out", "{checkpoints}"),
        directory=tmp_path / "code",
        environment=(("TOKENIZERS_PARALLELISM", "false"), ("OMP_NUM_THREADS", "4")),
        resume_arguments=("--resume", "latest one"),
        stop_signal="USR1",
        stop_before_s=300.0,
        log_pattern=PATTERN,
    )


def test_a_text_is_split_as_a_shell_splits_it(tmp_path: Path) -> None:
    words = ("train.py", "--name", "two words", "--path", "a b", "--price", "$5")
    assert read(tmp_path, command="train.py --name 'two words' --path a\\ b --price '$5'").command == words


def test_what_only_a_shell_would_do_is_refused(tmp_path: Path) -> None:
    for command in ("a.py | tee log", "a.py > log", "cd x && a.py", "a.py 2>&1", "a.py $HOME", "a.py ~/data"):
        assert "no shell runs the command" in complaint(tmp_path, command=command)
    assert read(tmp_path, command=["sh", "-c", "cd x && python a.py > log"]).command[0] == "sh"


def test_a_quote_left_open_is_said(tmp_path: Path) -> None:
    assert "program.command: a quote is opened" in complaint(tmp_path, command="train.py 'a")


def test_a_command_of_nothing_is_refused(tmp_path: Path) -> None:
    nothings: list[Any] = ["", " ", []]
    for nothing in nothings:
        assert "program.command: names no program" in complaint(tmp_path, command=nothing)
    assert "a list of texts" in complaint(tmp_path, command=["train.py", 3])


def test_a_program_that_starts_processes_itself_is_not_started_by_torchrun(tmp_path: Path) -> None:
    assert 'launcher = "none"' in complaint(tmp_path, command="accelerate launch train.py")
    assert read(tmp_path, command="accelerate launch train.py", launcher="none").launcher == "none"


@pytest.mark.parametrize("name", ["HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "apikey"])
def test_a_secret_is_sent_to_the_shell_and_not_repeated(tmp_path: Path, name: str) -> None:
    said = complaint(tmp_path, environment={name: "s3cr3t-value"})
    assert f"program.environment.{name}: looks like a secret" in said
    assert "the shell that starts the run" in said
    assert "s3cr3t-value" not in said


def test_names_that_only_sound_like_secrets_may_stand() -> None:
    for name in ("TOKENIZERS_PARALLELISM", "MAX_TOKENS", "KEYWORDS", "PASSES", "NCCL_DEBUG"):
        assert not looks_secret(name)


def test_a_secret_in_a_value_is_seen_and_not_repeated(tmp_path: Path) -> None:
    token = "hf_" + "a" * 34
    said = complaint(tmp_path, command=["train.py", f"--hub_token={token}"])
    assert "what looks like a secret" in said
    assert token not in said


def test_variables_of_the_launcher_are_not_the_programs(tmp_path: Path) -> None:
    for name in ("RANK", "MASTER_ADDR", "STELLWERK_METRICS"):
        assert "is set by whatever starts the program" in complaint(tmp_path, environment={name: "1"})
    assert "letters, digits and _" in complaint(tmp_path, environment={"A-B": "1"})
    assert "program.environment" in complaint(tmp_path, environment={"A": True})


def test_an_unknown_placeholder_names_the_nearest(tmp_path: Path) -> None:
    assert "did you mean {micro_batch}?" in complaint(tmp_path, command="train.py {microbatch}")
    assert "program.resume_arguments" in complaint(tmp_path, resume_arguments=["{nothing}"])
    assert "program.environment.A" in complaint(tmp_path, environment={"A": "{nothing}"})


def test_braces_that_hold_no_name_are_let_be(tmp_path: Path) -> None:
    json_argument = '{"wrap": {"min": 1}}'
    assert read(tmp_path, command=["train.py", json_argument]).command[1] == json_argument
    assert fill_placeholders('{"a": {"b": 1}} {{steps}} {steps}', lambda _name: "7") == '{"a": {"b": 1}} {steps} 7'


def test_a_log_pattern_needs_step_and_loss(tmp_path: Path) -> None:
    assert "has no group 'loss'" in complaint(tmp_path, log_pattern=r"(?P<step>\d+)")
    assert "is no regular expression" in complaint(tmp_path, log_pattern=r"(?P<step>\d+")
    said = complaint(tmp_path, log_pattern=PATTERN + r" (?P<token>\d+)")
    assert "unknown group 'token', did you mean 'tokens'?" in said


def test_the_groups_are_the_numbers_of_the_metrics() -> None:
    assert set(LOG_GROUPS) == set(StepMetrics.__dataclass_fields__) - {"time", "skipped"}


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    said = complaint(tmp_path, command="{a}", environment={"HF_TOKEN": "x"}, log_pattern="(")
    assert said.count("\n") == 2


def test_the_guide_names_every_key_placeholder_and_group() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "own-program.md").read_text(encoding="utf-8")
    names = [*ProgramSection.model_fields, *(f"{{{name}}}" for name in PLACEHOLDERS), *LOG_GROUPS]
    assert [name for name in names if f"`{name}`" not in guide] == []
