from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stellwerk.errors import InputError
from stellwerk.whitepaper import Edition, edition_as_json, read_figure_ids


@pytest.fixture(scope="module")
def text(edition: Edition) -> str:
    return edition_as_json(edition)


@pytest.fixture(scope="module")
def content(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_the_inputs_are_named_by_hash(content: dict[str, Any], edition: Edition) -> None:
    assert content["schema"] == 1
    assert content["as_of"] == "2026-11-23"
    assert content["versions"] == {"stellwerk": "1.2.3"}
    assert content["inputs"] == {
        "catalogue": {"sha256": edition.catalogue_hash},
        "feedback": {"sha256": edition.feedback_hash},
    }


def test_every_figure_is_there_with_its_claims_or_its_method(content: dict[str, Any], edition: Edition) -> None:
    figures = content["figures"]
    assert set(figures) == set(edition.figures)
    assert figures["fig-capacity-accelerators-de"]["value"] == 33_212
    assert len(figures["fig-capacity-accelerators-de"]["counted"]) == 38
    for figure in figures.values():
        assert ("claims" in figure) != ("method" in figure)
        assert all(claim["source"] in content["sources"] for claim in figure.get("claims", []))
        assert set(figure.get("counted", [])) <= set(figures)


def test_unknown_is_null(content: dict[str, Any]) -> None:
    assert content["figures"]["val-jsc-jupiter-booster-waiting-time"]["value"] is None


def test_a_price_is_exact_and_names_what_it_counts(content: dict[str, Any]) -> None:
    price = content["figures"]["val-scaleway-h100-1-80g-fr-par-2-pl-waw-2-price-on-demand-eur"]
    assert price["value"] == "2.8665"
    assert price["unit"] == {"currency": "EUR", "per": "gpu_h", "tax": "net", "kind": ""}


def test_names_and_addresses_without_consent_are_not_exported(text: str) -> None:
    assert "person1@example.org" in text
    for hidden in ("Person Nummer 2", "person2@example.org", "person3@example.org"):
        assert hidden not in text


def test_the_ids_can_be_read_back(text: str, edition: Edition, tmp_path: Path) -> None:
    file = tmp_path / "edition.json"
    file.write_text(text, encoding="utf-8")
    assert read_figure_ids(file) == frozenset(edition.figures)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (b"{", "is not JSON"),
        (b"[]", "of schema 1"),
        (b'{"schema": 2, "figures": {}}', "of schema 1"),
        (b'{"schema": 1}', "of schema 1"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_file_that_is_no_edition_is_named(tmp_path: Path, written: bytes, problem: str) -> None:
    file = tmp_path / "edition.json"
    file.write_bytes(written)
    with pytest.raises(InputError, match=problem) as raised:
        read_figure_ids(file)
    assert str(file) in str(raised.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_figure_ids(tmp_path / "edition.json")
    with pytest.raises(InputError, match="directory"):
        read_figure_ids(tmp_path)
