from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stellwerk.cli.main import main
from stellwerk.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "examples" / "german-7b.toml"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result


def register(file: Path, workload: Path = EXAMPLE) -> Result:
    return run("match", workload, "--json", "--register-need", file)


@pytest.fixture(scope="module")
def needs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two requests: one that is met, and one that no budget reaches."""
    folder = tmp_path_factory.mktemp("needs")
    unmet = folder / "unmet.toml"
    text = EXAMPLE.read_text(encoding="utf-8").replace('country = "DE"', 'country = "JP"').replace("DE-SN", "JP-13")
    unmet.write_text(text, encoding="utf-8")
    for workload in (EXAMPLE, unmet):
        register(folder / "needs.jsonl", workload)
    return folder / "needs.jsonl"


def test_each_match_appends_one_line_for_the_owner_only(needs: Path) -> None:
    lines = needs.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["country"] for line in lines] == ["DE", "JP"]
    assert stat.S_IMODE(needs.stat().st_mode) == 0o600


def test_without_the_option_nothing_is_written_and_the_answer_is_the_same(tmp_path: Path) -> None:
    plain = run("match", EXAMPLE, "--json").stdout
    assert list(tmp_path.iterdir()) == []
    answer = register(tmp_path / "needs.jsonl")
    assert answer.stdout == plain
    assert answer.stderr == f"Need registered in {tmp_path / 'needs.jsonl'}.\n"


@pytest.mark.parametrize(
    "content", ["schema = 2\n", "{}\n", '["stellwerk-need-1"]\n', '{"schema": "stellwerk-need-1"}']
)
def test_another_file_is_refused_and_stays_as_it_is(tmp_path: Path, content: str) -> None:
    file = tmp_path / "mine"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="nothing was written") as caught:
        register(file)
    assert caught.value.exit_code == 2
    assert file.read_text(encoding="utf-8") == content


def test_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "needs.jsonl"):
        with pytest.raises(InputError, match="cannot be written"):
            register(path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_judging(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(*_: object, **__: object) -> None:
        raise AssertionError("judged")

    monkeypatch.setattr("stellwerk.cli.match.match", judge)


def _of_another(folder: Path) -> Path:
    folder.mkdir()
    (folder / "needs.jsonl").write_text("{}\n", encoding="utf-8")
    return folder / "needs.jsonl"


def _under_a_file(folder: Path) -> Path:
    folder.touch(mode=0o700)
    return folder / "needs.jsonl"


@pytest.mark.usefixtures("no_judging")
@pytest.mark.parametrize(
    "place",
    [
        lambda folder: folder / "needs.jsonl",
        lambda folder: folder.parent,
        lambda folder: folder.parent / ("x" * 300),
        _under_a_file,
        _of_another,
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_judged_or_written(
    tmp_path: Path, place: Callable[[Path], Path]
) -> None:
    needs = place(tmp_path / "folder")
    before = sorted(tmp_path.rglob("*"))
    line = ("--model", "qwen3-8b", "--tokens", "1B", "--as", "sme", "--save", tmp_path / "my.toml")
    for arguments in ((EXAMPLE,), line):
        with pytest.raises(InputError) as caught:
            run("match", *arguments, "--register-need", needs)
        assert caught.value.exit_code == 2
        assert str(caught.value).startswith(f"{needs}: ")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_new_file_is_not_made_before_there_is_an_answer(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such programme"):
        run("match", EXAMPLE, "--register-need", tmp_path / "needs.jsonl", "--draft", "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_does_not_fit_is_taken_back(needs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "needs.jsonl"
    file.write_bytes(needs.read_bytes())
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, line: write(handle, line[:50]))
    with pytest.raises(InputError, match="nothing was written"):
        register(file)
    assert file.read_bytes() == needs.read_bytes()


def test_json_counts_requests_and_obstacles(needs: Path) -> None:
    answer = json.loads(run("needs", needs, "--json").stdout)
    (group,) = answer["groups"]
    assert (answer["schema"], answer["requests"], group["requests"]) == (1, 2, 2)
    assert (group["applicant"], group["task"]) == ("startup", "pretraining")
    offers = [one["offers"] for one in answer["obstacles"]]
    assert offers == sorted(offers, reverse=True)
    assert bool(offers) == (answer["without_possible_offer"] > 0)
    records = [json.loads(line) for line in needs.read_text(encoding="utf-8").splitlines()]
    assert answer["without_possible_offer"] == sum(not record["offers"]["possible"] for record in records)
    assert "total" not in json.dumps(answer)


def test_the_sums_are_shown_in_both_languages(needs: Path) -> None:
    english, german = (run("needs", needs, "--lang", language).stdout for language in ("en", "de"))
    assert "2 requests" in english
    assert "start-up" in english
    assert "2 Anfragen" in german
    assert "Was im Weg stand" in german or "Anfragen ohne mögliches Angebot: 0" in german


def test_an_empty_file_is_no_request(tmp_path: Path) -> None:
    file = tmp_path / "needs.jsonl"
    file.touch()
    assert json.loads(run("needs", file, "--json").stdout)["requests"] == 0
