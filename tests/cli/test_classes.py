from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "examples" / "german-7b.toml"


@cache
def run(*arguments: str) -> str:
    """What the command prints; the same call is made once for all tests that read it."""
    result = CliRunner().invoke(main, ["classes", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return " ".join(result.output.split())


def test_each_family_begins_with_its_advice_and_each_class_says_whether_it_is_open() -> None:
    shown = run(str(EXAMPLE), "--as-of", "2026-11-23")
    for part in (
        "german-7b: classes of access, as of 2026-11-23",
        "NHR → Against each class of NHR stands something",
        "gcs-large-scale · Open to you: no – gcs-large-scale does not admit this kind of applicant (start-up).",
        "eurohpc-aif-fastlane · Open to you: yes 10,000 to 50,000 GPU-h per application; needed: ",
        "eurohpc-aif-largescale · Open to you: unknown · next cut-off 30 November 2026",
        "the key applicant.grants answers it (eurohpc-ai-for-science, rule eu-consortium).",
    ):
        assert part in shown


def test_what_no_run_was_measured_with_is_said(tmp_path: Path) -> None:
    experts = tmp_path / "experts.toml"
    text = EXAMPLE.read_text(encoding="utf-8")
    experts.write_text(re.sub(r"(?s)\[model\].*?\n\n", '[model]\nname = "mixtral-8x7b"\n\n', text), encoding="utf-8")
    assert "(MoE)" in run(str(experts), "--as-of", "2026-11-23")
    assert "(MoE)" not in run(str(EXAMPLE), "--as-of", "2026-11-23")


def test_german_output_is_german() -> None:
    shown = run(str(EXAMPLE), "--as-of", "2026-11-23", "--lang", "de")
    assert "nächster Stichtag 30. November 2026" in shown
    assert "10.000 bis 50.000 GPU-h je Antrag; nötig: " in shown
    assert "Open to you" not in shown


def test_after_the_last_cutoff_none_is_shown() -> None:
    assert "next cut-off 4 January 2027" in run(str(EXAMPLE), "--as-of", "2026-12-16")
    assert "eurohpc-aif-largescale · Open to you: unknown –" in run(str(EXAMPLE), "--as-of", "2027-01-05")


def test_json_is_complete_and_dated() -> None:
    answer = json.loads(run(str(EXAMPLE), "--json", "--as-of", "2026-11-23"))
    assert (answer["schema"], answer["as_of"], answer["workload"]) == (1, "2026-11-23", "german-7b")
    families = {one["family"]: one for one in answer["families"]}
    assert [one["class"] for one in families["nhr"]["classes"]] == ["starter", "test", "normal", "large"]
    reasons = families["eurohpc-access"]["classes"][-1]["reasons"]
    (open_rule,) = [one for one in reasons if one["code"] == "rule_open"]
    assert set(open_rule["params"]["condition"]) == {"de", "en"}


def test_a_local_rule_closes_a_class(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'schema = 1\n[sources.us]\nevidence = "primary"\nurls = ["https://example.org"]\n'
        '[[programmes]]\nid = "eurohpc-aif-fastlane"\nsource = "us"\n'
        '[[programmes.rules]]\nid = "saxony"\nfield = "state"\nnone_of = ["DE-SN"]\n'
        'condition.en = "Not from Saxony."\ncondition.de = "Nicht aus Sachsen."\n',
        encoding="utf-8",
    )
    shown = run(str(EXAMPLE), "--catalogue", str(tmp_path), "--as-of", "2026-11-23")
    assert "eurohpc-aif-fastlane · Open to you: no – Not from Saxony. The request says otherwise" in shown


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        CliRunner().invoke(main, ["classes", "nowhere.toml"], catch_exceptions=False)
