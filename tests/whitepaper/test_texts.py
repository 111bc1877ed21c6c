"""The two languages say the same: same keys, same gaps, every field of the catalogue named."""

from __future__ import annotations

import dataclasses
import re
import string
from typing import get_args

import pytest

from stellwerk.catalog import (
    Accelerator,
    ApplicantKind,
    Catalogue,
    Contingent,
    Eligibility,
    Openness,
    Product,
    Programme,
    Software,
    Status,
    Support,
    System,
)
from stellwerk.whitepaper.chapters.contradictions import field_name
from stellwerk.whitepaper.words import Words, load_texts


def _gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    assert set(load_texts("de")) == set(load_texts("en"))


def test_both_languages_have_the_same_gaps() -> None:
    german, english = load_texts("de"), load_texts("en")
    assert {key: _gaps(text) for key, text in german.items()} == {key: _gaps(text) for key, text in english.items()}


def test_no_text_is_the_same_by_oversight() -> None:
    """Sentences differ between the languages; only short words and names may agree."""
    german, english = load_texts("de"), load_texts("en")
    assert [
        key for key in german if german[key] == english[key] and len(re.sub(r"\{\w+\}", "", german[key])) > 40
    ] == []


@pytest.mark.parametrize("kind", [System, Programme, Product, Support, Software, Accelerator, Contingent])
def test_every_fact_of_the_catalogue_has_a_name(kind: type) -> None:
    facts = [field.name for field in dataclasses.fields(kind) if str(field.type).startswith("Fact")]
    assert [name for name in facts if f"field.{field_name(name)}" not in load_texts("de")] == []


def test_every_category_of_the_catalogue_has_a_word() -> None:
    for section, words in {
        "status": (*get_args(Status), "unknown"),
        "answer": get_args(Eligibility),
        "applicant": get_args(ApplicantKind),
        "openness": get_args(Openness),
    }.items():
        for word in words:
            assert f"{section}.{word}" in load_texts("de")


def test_what_fills_a_gap_is_escaped() -> None:
    assert "&lt;b&gt;" in Words("de").text("figure.of_accelerator", name="<b>")


def test_a_translated_text_of_the_catalogue_is_german_and_another_stays_english() -> None:
    assert Words("de").catalogue_text("any time") == ("jederzeit", "de")
    assert Words("de").catalogue_text("any time at all") == ("any time at all", "en")
    assert Words("en").catalogue_text("any time") == ("any time", "en")


GERMAN: dict[str, tuple[str, ...]] = {
    "contingents": ("funder", "statement", "share", "share_at_least", "share_at_most", "accelerators"),
    "needs": ("statement",),
    "support": ("offer_type", "offer", "audience", "cost"),
    "programmes": ("purpose",),
}
"""Facts whose texts all have a German wording, by the kind of their entries; of contingents also the notes."""


@pytest.mark.parametrize("kind", GERMAN)
def test_texts_of_the_catalogue_that_are_german_elsewhere_are_german_everywhere(
    catalogue: Catalogue, kind: str
) -> None:
    """A new entry, or a changed wording, needs its line in ``catalogue-de.toml``."""
    shown = [
        text
        for entry in getattr(catalogue, kind).values()
        for name in GERMAN[kind]
        for claim in getattr(entry, name).claims
        for text in (claim.value, claim.note if kind == "contingents" else "")
        if text and isinstance(text, str)
    ]
    assert shown
    german = Words("de")
    assert [text for text in shown if german.catalogue_text(text)[1] != "de"] == []
