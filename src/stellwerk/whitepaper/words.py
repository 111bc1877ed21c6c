"""The report's texts in one language (``texts/de.toml``, ``texts/en.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

from stellwerk.charts import Language
from stellwerk.whitepaper.model import Phrase

GERMAN_OF_CATALOGUE = "catalogue-de.toml"


class Words:
    """Looks up texts of one language; every missing key is a KeyError, which a test finds before a reader does."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = load_texts(language)
        self._of_catalogue = _catalogue_in_german() if language == "de" else {}

    def text(self, key: str, /, **gaps: str | int) -> Markup:
        """The text of ``section.name``; what goes into its gaps is escaped unless it is Markup."""
        return fill(self._texts[key], **gaps)

    def phrase(self, phrase: str | Phrase) -> Markup:
        """A phrase with its gaps filled; a plain text is escaped."""
        if isinstance(phrase, str):
            return escape(phrase)
        gaps = {name: self.phrase(gap) if isinstance(gap, Phrase) else gap for name, gap in phrase.gaps.items()}
        return self.text(phrase.key, **gaps)

    def catalogue_text(self, text: str) -> tuple[str, Language]:
        """A text of the catalogue, which is written in English, with the language it is shown in."""
        if text in self._of_catalogue:
            return self._of_catalogue[text], "de"
        return text, "en"


def fill(text: str, /, *values: str | int, **gaps: str | int) -> Markup:
    """Text of this package with its gaps filled; what goes in is escaped unless it is Markup.

    Markup's own format does the same in several times the time, and a report fills a hundred thousand gaps.
    """
    escaped = {name: escape(gap) for name, gap in gaps.items()}
    return Markup(text.format(*map(escape, values), **escaped))  # noqa: S704 - the texts are part of the package


@cache
def load_texts(language: Language) -> Mapping[str, str]:
    """All texts of a language by ``section.name``."""
    sections = tomllib.loads(_read(f"{language}.toml"))
    return {f"{section}.{name}": text for section, texts in sections.items() for name, text in texts.items()}


@cache
def _catalogue_in_german() -> Mapping[str, str]:
    """German for texts of the catalogue, keyed by their English wording: a changed text falls back to English."""
    translations: Mapping[str, str] = tomllib.loads(_read(GERMAN_OF_CATALOGUE))["texts"]
    return translations


def _read(name: str) -> str:
    return files("stellwerk.whitepaper").joinpath("texts", name).read_text(encoding="utf-8")
