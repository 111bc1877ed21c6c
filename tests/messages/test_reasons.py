from __future__ import annotations

import ast
import string
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

import stellwerk
from stellwerk.messages import LANGUAGES, Language, Reason, count_text, outline, render, text
from stellwerk.records import DropReason


def _texts(language: Language) -> dict[str, dict[str, str]]:
    return tomllib.loads(files("stellwerk.messages").joinpath(f"{language}.toml").read_text(encoding="utf-8"))


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def _codes_in_the_program() -> set[str]:
    """The first argument of every ``Reason(...)`` in the package."""
    codes = set()
    for path in Path(stellwerk.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
                assert isinstance(node.args[0], ast.Constant), f"{path}: a reason's code must be written out"
                codes.add(node.args[0].value)
    return codes


def test_every_code_of_the_program_has_a_sentence_and_no_sentence_is_left_over() -> None:
    assert set(_texts("en")["reasons"]) == _codes_in_the_program()


def test_both_languages_say_the_same_things_with_the_same_parameters() -> None:
    german, english = _texts("de"), _texts("en")
    assert {section: set(entries) for section, entries in german.items()} == {
        section: set(entries) for section, entries in english.items()
    }
    for section, entries in english.items():
        for key, sentence in entries.items():
            assert _fields(sentence) == _fields(german[section][key]), f"{section}.{key}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_reason_is_the_same_sentence_in_both_languages(language: Language) -> None:
    other = next(one for one in LANGUAGES if one != language)
    assert not set(_texts(language)["reasons"].values()) & set(_texts(other)["reasons"].values())


def test_numbers_follow_the_language() -> None:
    reason = Reason("too_slow", {"days": 1234.5, "limit_days": 90.0, "devices": 8})
    assert "1,234 days" in render(reason, "en")
    assert "1.234 Tage" in render(reason, "de")
    assert count_text(7.52e9, "en") == "7.52 billion"
    assert count_text(7.52e9, "de") == "7,52 Mrd."


def test_kinds_of_applicants_and_fields_are_words() -> None:
    refused = Reason("applicant_not_admitted", {"programme": "p", "applicant": "sme"})
    assert "kleines oder mittleres Unternehmen" in render(refused, "de")
    unsourced = Reason("hardware_unsourced", {"fields": "accel_total, interconnect"})
    assert "Zahl der Beschleuniger, Vernetzung" in render(unsourced, "de")


def test_a_missing_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        render(Reason("too_slow", {"days": 1.0}), "en")


def test_a_value_with_braces_is_shown_as_it_is() -> None:
    assert "{x}" in render(Reason("amount_not_comparable", {"programme": "p", "text": "{x}"}), "en")


def test_an_outline_has_dots_for_values_and_an_unknown_code_is_shown_as_it_is() -> None:
    assert outline("programme_closed", "en") == "… takes no more applications."
    assert outline("of_a_later_version", "de") == "of_a_later_version"


def test_fixed_texts_take_parameters() -> None:
    assert text("match.page_written", "de", path="a.html") == "Seite geschrieben: a.html"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_for_leaving_out_a_record_has_words(language: Language) -> None:
    assert set(_texts(language)["drop_reason"]) == set(get_args(DropReason))
