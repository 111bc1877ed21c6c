from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.cli.main import main
from stellwerk.errors import InputError
from stellwerk.messages import LANGUAGES
from stellwerk.units import Money
from stellwerk.workload import Applicant, DataNeeds, Serving, count_parameters, read_workload

ENTER = ""


def init(file: Path, *answers: str, language: str = "en") -> Result:
    arguments = ["init", str(file), "--lang", language]
    return CliRunner().invoke(main, arguments, input="".join(f"{answer}\n" for answer in answers))


def test_enter_all_the_way_gives_a_file_that_loads(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    result = init(file, *[ENTER] * 11)
    assert result.exit_code == 0
    workload = read_workload(file)
    assert workload.model_name == "llama-3.1-8b"
    assert workload.training.tokens == 161 * 10**9  # 20 per parameter
    assert workload.applicant == Applicant("academia", "DE")
    assert f"stellwerk match {file}" in result.output
    assert 'training.precision: "bf16" (' in result.output


def test_every_answer_arrives_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    who = ["startup", "DE", "DE-BE"]
    answers = ["train", "olmo-2-7b", "1T", *who, "personal", "DE, EU", "90d", "2027-06-30 UTC", "500000 EUR"]
    assert init(file, *answers).exit_code == 0
    workload = read_workload(file)
    assert workload.model_name == "olmo-2-7b"
    assert workload.training.tokens == 10**12
    assert workload.applicant == Applicant("startup", "DE", "DE-BE")
    assert workload.limits.duration_s == 90 * 86_400
    assert workload.limits.deadline == datetime.datetime(2027, 7, 1, tzinfo=ZoneInfo("UTC"))
    assert workload.limits.budget == Money(Decimal(500_000), "EUR")
    assert workload.data == DataNeeds("personal", ("DE", "EU"))


def test_a_fine_tuning_is_asked_for_its_method(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    answers = ["finetune", "qwen3-8b", "qlora", "20M", "phd@tu-dresden.de", *[ENTER] * 5]
    assert init(file, *answers).exit_code == 0
    workload = read_workload(file)
    assert (workload.training.method, workload.training.tokens) == ("qlora", 20 * 10**6)
    assert workload.applicant.institution == "tu-dresden.de"
    assert workload.applicant.career_stage == "doctoral"


def test_a_service_is_asked_for_its_users(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    result = init(file, "serve", "qwen3-8b", "many", "500", ENTER, "90d", "public:DE-BE", *[ENTER] * 4)
    assert result.exit_code == 0
    assert result.output.count("Not possible: ") == 1
    assert "How much text" not in result.output
    task = read_workload(file).task
    assert isinstance(task, Serving)
    assert (task.users, task.concurrent_requests, task.duration_s) == (500, 50, 90 * 86_400)


@pytest.mark.parametrize("task", ["train", "finetune", "serve"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_enter_is_an_answer_to_every_question(tmp_path: Path, task: str, language: str) -> None:
    file = tmp_path / "my.toml"
    assert init(file, task, *[ENTER] * 11, language=language).exit_code == 0
    assert read_workload(file).model_name == "llama-3.1-8b"


def test_sizes_are_asked_one_after_the_other_with_fitting_defaults(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    result = init(file, "train", "sizes", "12", "768", *[ENTER] * 3, "50000", *[ENTER] * 9)
    assert result.exit_code == 0
    workload = read_workload(file)
    assert workload.name == "small"
    assert workload.model_name is None
    a = workload.architecture
    assert (a.layers, a.hidden, a.heads, a.kv_heads, a.head_dim) == (12, 768, 6, 6, 128)
    assert (a.ffn_hidden, a.vocab) == (2688, 50_000)


def test_a_wrong_answer_is_explained_and_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    answers = ["trian", "train", "lama-3-8b", "llama-3-8b", "1 TB", "1T"]
    who = ["start-up", "me@tu-dresden.de", "phd@tu-dresdn.de", "startup", "de", "DE", "FR-IDF", "DE-SN"]
    data = ["secret", "personal", "Saxony", "DE"]
    result = init(file, *answers, *who, *data, "90", "90d", "soon", "2027-06-30 UTC", "5000", "5000 EUR")
    assert result.exit_code == 0
    for part in (
        "did you mean 'train'?",
        "a role stands before the @",
        "did you mean 'tu-dresden.de'",
        "did you mean 'llama-3-8b'?",
        "unknown suffix 'TB' (got '1 TB')",
        "did you mean 'startup'?",
        "did you mean 'DE'?",
        "is not a part of DE (got 'FR-IDF')",
        "unknown unit '' (got '90')",
        "not an amount with a three-letter currency",
    ):
        assert part in result.output
    assert result.output.count("Not possible: ") == 13
    assert read_workload(file).applicant == Applicant("startup", "DE", "DE-SN")


def test_sizes_that_do_not_fit_are_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    answers = ["train", "sizes", "0", "many", "12", "1000", "7", "8", "3", "4", ENTER, ENTER, *[ENTER] * 9]
    result = init(file, *answers)
    assert result.exit_code == 0
    assert result.output.count("Not possible: ") == 4
    assert read_workload(file).architecture.heads == 8


def test_a_model_too_large_to_be_meant_starts_the_sizes_again(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    huge = ["10000", "10000000", "8", "8", "10000000", "10"]
    result = init(file, "train", "sizes", *huge, *[ENTER] * 15)
    assert result.exit_code == 0
    assert "too many to be meant" in result.output
    assert count_parameters(read_workload(file).architecture).total < 10**10


def test_the_questions_and_the_file_can_be_german(tmp_path: Path) -> None:
    file = tmp_path / "mein.toml"
    result = init(file, "train", "größen", *[ENTER] * 6, *[ENTER] * 9, language="de")
    assert result.exit_code == 0
    assert "Wer fragt?" in result.output
    assert "Who asks?" not in result.output
    assert "# Transformer-Blöcke" in file.read_text(encoding="utf-8")
    assert read_workload(file).architecture.layers == 32


@pytest.mark.parametrize("refusal", [ENTER, "n", "no", "what"])
def test_an_existing_file_is_kept_unless_somebody_agrees(tmp_path: Path, refusal: str) -> None:
    file = tmp_path / "my.toml"
    file.write_text("mine", encoding="utf-8")
    assert init(file, refusal).exit_code == 0
    assert file.read_text(encoding="utf-8") == "mine"


def test_an_existing_file_is_replaced_after_a_yes(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("mine", encoding="utf-8")
    assert init(file, "ja", *[ENTER] * 11, language="de").exit_code == 0
    assert read_workload(file).model_name == "llama-3.1-8b"


def test_answers_that_end_early_write_nothing(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    result = init(file, "train", "llama-3-8b", "1T")
    assert result.exit_code == 1
    assert "Aborted" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_said_before_any_question(tmp_path: Path) -> None:
    result = init(tmp_path, ENTER)
    assert isinstance(result.exception, InputError)
    assert "What is to be done" not in result.output


words = st.text(max_size=12).map(lambda text: text.replace("\n", " "))


@given(answers=st.lists(st.sampled_from(["serve", "finetune", ENTER]) | words, max_size=16))
@settings(max_examples=40)
def test_any_answers_end_in_a_file_that_loads_or_in_none(
    answers: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.unlink(missing_ok=True)
    result = init(file, *answers)
    assert result.exit_code in (0, 1)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if result.exit_code == 0:
        read_workload(file)
    else:
        assert not file.exists()
