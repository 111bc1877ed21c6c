from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "examples" / "german-7b.toml"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["match", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_ranking_names_every_verdict_with_its_reasons() -> None:
    shown = run(str(EXAMPLE))
    for heading in ("Possible (", "Unknown: something decisive is not known (", "Not possible ("):
        assert heading in shown
    assert shown.count("\n      – ") >= 40


def test_german_output_is_german() -> None:
    shown = run(str(EXAMPLE), "--lang", "de")
    assert "Möglich (" in shown
    assert "Nicht möglich (" in shown
    assert "GPU-Stunden" in shown


def test_json_is_complete_and_dated() -> None:
    answer = json.loads(run(str(EXAMPLE), "--json", "--as-of", "2026-11-23"))
    assert answer["schema"] == 1
    assert answer["as_of"] == "2026-11-23"
    assert len(answer["catalogue_sha256"]) == 64
    assert len(answer["offers"]) >= 40
    for offer in answer["offers"]:
        assert offer["verdict"] in ("possible", "impossible", "unknown")
        assert "programme" in offer
        assert "system" in offer or "provider" in offer
        assert offer["verdict"] == "possible" or any(one["effect"] == offer["verdict"] for one in offer["reasons"])


def test_the_same_call_gives_the_same_answer() -> None:
    assert run(str(EXAMPLE), "--json") == run(str(EXAMPLE), "--json")


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_is_one_file_with_two_pictures(tmp_path: Path, language: str) -> None:
    page = tmp_path / "deep" / "page.html"
    run(str(EXAMPLE), "--html", str(page), "--lang", language)
    html = page.read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in html
    assert html.count("<svg") == 2
    assert 'id="time-against-cost"' in html
    assert 'id="memory-by-part"' in html
    assert "<script" not in html
    assert "src=" not in html
    assert "@import" not in html


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        CliRunner().invoke(
            main, ["match", str(EXAMPLE), "--html", str(tmp_path / "file" / "page.html")], catch_exceptions=False
        )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_date_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["match", str(EXAMPLE), "--as-of", "yesterday"])
    assert result.exit_code == 2
    assert "--as-of" in result.output
