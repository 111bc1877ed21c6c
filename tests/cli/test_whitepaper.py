from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.errors import InputError


def build(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["whitepaper", "build", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_build_writes_both_languages_and_the_figures(tmp_path: Path) -> None:
    printed = build("--out", tmp_path / "out", "--as-of", "2026-11-23")
    assert printed.startswith("edition of 2026-11-23: ")
    for name in ("de/index.html", "en/index.html", "edition.json"):
        assert str(tmp_path / "out" / name) in printed
        assert (tmp_path / "out" / name).stat().st_size > 0
    content = json.loads((tmp_path / "out" / "edition.json").read_text(encoding="utf-8"))
    assert content["figures"]["fig-capacity-accelerators-de"]["value"] == 33_212
    assert content["inputs"]["feedback"] is None


@pytest.fixture(scope="module")
def commented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An edition of a day long past, with one comment."""
    folder = tmp_path_factory.mktemp("commented")
    figure = ("--figure", "fig-capacity-rows-de", "--text", "Gut gezählt.")
    person = ("--name", "N", "--email", "n@example.org")
    arguments = ["feedback", "add", "--file", str(folder / "feedback.jsonl"), *figure, *person]
    CliRunner().invoke(main, arguments, catch_exceptions=False)
    build("--out", folder / "out", "--as-of", "2026-03-01", "--feedback", folder / "feedback.jsonl")
    return folder / "out"


def test_the_edition_answers_for_the_day_asked(commented: Path) -> None:
    assert "1. März 2026" in (commented / "de" / "index.html").read_text(encoding="utf-8")


def test_comments_are_part_of_the_edition_and_of_its_inputs(commented: Path) -> None:
    assert "Gut gezählt." in (commented / "en" / "index.html").read_text(encoding="utf-8")
    inputs = json.loads((commented / "edition.json").read_text(encoding="utf-8"))["inputs"]
    assert len(inputs["feedback"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--feedback", "missing.jsonl"], "missing.jsonl: no such file"),
        (["--catalogue", "missing"], "missing"),
    ],
)
def test_a_wrong_input_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=problem):
        build("--out", "out", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"holds no edition\.json"):
        build("--out", tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
