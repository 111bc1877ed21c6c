from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.errors import InputError

COMMENT = (
    "--name",
    "Eine Leserin",
    "--email",
    "leserin@example.org",
    "--text",
    "Es sind mehr.",
    "--date",
    "2026-11-23",
)


def feedback(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["feedback", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.fixture
def edition(tmp_path: Path) -> Path:
    file = tmp_path / "edition.json"
    file.write_text(json.dumps({"schema": 1, "figures": {"fig-one": {}, "fig-two": {}}}))
    return file


@pytest.fixture
def file(tmp_path: Path, edition: Path) -> Path:
    """Two comments, the first one answered."""
    path = tmp_path / "feedback.jsonl"
    for figure in ("fig-one", "fig-two"):
        feedback("add", "--file", path, "--edition", edition, "--figure", figure, *COMMENT)
    feedback("answer", "--file", path, "c1", "--text", "Danke.", "--date", "2026-11-24")
    return path


def test_the_list_shows_comments_and_answers_and_no_address(file: Path) -> None:
    shown = feedback("list", "--file", file)
    assert "c1  2026-11-23  fig-one  Eine Leserin\n    Es sind mehr.\n  answer of 2026-11-24\n    Danke.\n" in shown
    assert "c2  2026-11-23  fig-two  Eine Leserin\n    Es sind mehr.\n  not answered yet\n" in shown
    assert "@" not in shown


def test_addresses_are_shown_on_demand(file: Path) -> None:
    assert "<leserin@example.org>" in feedback("list", "--file", file, "--with-email")
    comments = json.loads(feedback("list", "--file", file, "--json", "--with-email"))["comments"]
    assert comments[0]["email"] == "leserin@example.org"


def test_json_holds_everything_but_the_address(file: Path) -> None:
    content = json.loads(feedback("list", "--file", file, "--json"))
    assert content["schema"] == 1
    assert content["comments"][0] == {
        "id": "c1",
        "figure": "fig-one",
        "date": "2026-11-23",
        "name": "Eine Leserin",
        "consent_name": False,
        "consent_email": False,
        "text": "Es sind mehr.",
        "answers": [{"date": "2026-11-24", "text": "Danke."}],
    }


def test_open_lists_only_what_is_not_answered(file: Path) -> None:
    comments = json.loads(feedback("list", "--file", file, "--json", "--open"))["comments"]
    assert [comment["id"] for comment in comments] == ["c2"]


def test_without_an_edition_the_figures_are_those_of_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "feedback.jsonl"
    printed = feedback("add", "--file", path, "--figure", "fig-capacity-accelerators-de", *COMMENT)
    assert printed == "c1: comment on fig-capacity-accelerators-de\n"
    with pytest.raises(InputError, match="did you mean 'fig-capacity-accelerators-de'"):
        feedback("add", "--file", path, "--figure", "fig-capacity-accelerator-de", *COMMENT)


def test_consent_is_given_for_each_by_itself(tmp_path: Path, edition: Path) -> None:
    path = tmp_path / "feedback.jsonl"
    common = ("--file", path, "--edition", edition, "--figure", "fig-one", *COMMENT)
    feedback("add", *common, "--consent-name")
    feedback("add", *common, "--consent-email")
    comments = json.loads(feedback("list", "--file", path, "--json"))["comments"]
    assert [(comment["consent_name"], comment["consent_email"]) for comment in comments] == [
        (True, False),
        (False, True),
    ]


def test_mistakes_name_the_options(tmp_path: Path, edition: Path, file: Path) -> None:
    wrong = ("--figure", "fig-none", "--name", " ", "--email", "nowhere", "--text", "")
    with pytest.raises(InputError) as caught:
        feedback("add", "--file", tmp_path / "new", "--edition", edition, *wrong)
    options = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert options == ["--figure", "--name", "--text", "--email"]
    with pytest.raises(InputError, match=r"^--text: is empty"):
        feedback("answer", "--file", file, "c1", "--text", " ")


def test_an_address_is_required(tmp_path: Path) -> None:
    arguments = ["feedback", "add", "--file", str(tmp_path / "f"), "--figure", "fig-one", "--name", "N", "--text", "T"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "--email" in result.output
