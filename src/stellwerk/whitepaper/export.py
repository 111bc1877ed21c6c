"""An edition as ``edition.json``: every figure by its id, for machines and for citing."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from stellwerk.catalog import Claim
from stellwerk.errors import InputError
from stellwerk.files import read_text
from stellwerk.whitepaper.compose import source_id
from stellwerk.whitepaper.model import Comment, Edition, Figure, Phrase
from stellwerk.whitepaper.words import Words

SCHEMA = 1
FILE_NAME = "edition.json"
LARGEST_FILE_BYTES = 64 * 2**20

_UNITS: Mapping[str, str] = {
    "gigabytes": "byte",
    "gigabits_per_s": "byte/s",
    "gigabytes_per_s": "byte/s",
    "teraflops": "FLOP/s",
}


def edition_as_json(edition: Edition) -> str:
    """The edition's figures with value, unit, claims or method, its sources, its comments and its inputs by hash.

    A price is a string of decimal digits, unknown is null. The same edition gives the same text. E-mail addresses
    and names of those who did not consent are not part of it.
    """
    words = {"de": Words("de"), "en": Words("en")}
    content = {
        "schema": SCHEMA,
        "as_of": edition.as_of.isoformat(),
        "versions": {"stellwerk": edition.version},
        "inputs": {
            "catalogue": {"sha256": edition.catalogue_hash},
            "feedback": None if edition.feedback_hash is None else {"sha256": edition.feedback_hash},
        },
        "figures": {key: _figure(figure, words) for key, figure in edition.figures.items()},
        "sources": {
            key: {"urls": list(source.urls), "as_of": source.as_of, "evidence": source.evidence, "note": source.note}
            for key, source in edition.sources.items()
        },
        "comments": [_comment(comment) for comment in edition.comments],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def read_figure_ids(file: Path) -> frozenset[str]:
    """The ids of all figures of an ``edition.json``; InputError for a file that is none."""
    try:
        content = json.loads(read_text(file, limit_bytes=LARGEST_FILE_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError("is not JSON", file=file) from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA or not isinstance(content.get("figures"), dict):
        raise InputError(f"is no {FILE_NAME} of schema {SCHEMA}", file=file)
    return frozenset(content["figures"])


def _figure(figure: Figure, words: Mapping[str, Words]) -> dict[str, Any]:
    basis: dict[str, Any] = (
        {"claims": [_claim(claim) for claim in figure.claims]}
        if figure.method is None
        else {"method": words["en"].phrase(figure.method).unescape(), "counted": list(figure.counted)}
    )
    return {
        "label": {language: own.phrase(figure.label).unescape() for language, own in words.items()},
        "value": _plain(figure.value),
        "unit": _unit(figure),
        "evidence": figure.evidence,
        **basis,
    }


def _unit(figure: Figure) -> str | dict[str, Any] | None:
    """What the value counts: a unit, or its parts (currency, per what, net or gross)."""
    if figure.unit is not None:
        return {name: _word(gap) for name, gap in figure.unit.gaps.items()} or None
    return _UNITS.get(figure.form)


def _word(gap: str | int | Phrase) -> str | int:
    """A gap in plain words: what fills it, or the name of the phrase."""
    if not isinstance(gap, Phrase):
        return gap
    if gap.gaps:
        return _word(next(iter(gap.gaps.values())))
    return gap.key.partition(".")[2].removeprefix("per_")


def _claim(claim: Claim[Any]) -> dict[str, Any]:
    return {"value": _plain(claim.value), "unit": claim.unit, "note": claim.note, "source": source_id(claim.source)}


def _comment(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "figure": comment.figure_id,
        "date": comment.date.isoformat(),
        "name": comment.name if comment.consent_name else None,
        "email": comment.email if comment.consent_email else None,
        "text": comment.text,
        "answers": [{"date": answer.date.isoformat(), "text": answer.text} for answer in comment.answers],
    }


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime.date():
            return value.isoformat()
        case tuple():
            return [_plain(part) for part in value]
        case _:
            return value
