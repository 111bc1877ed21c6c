"""The reason type and its rendering."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class Words:
    """The same words in each language, for what is written down beside the data and not in the sentences here."""

    en: str
    de: str

    def __getitem__(self, language: Language) -> str:
        return self.en if language == "en" else self.de


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is so: a stable ``code`` and the values its sentence names."""

    code: str
    params: Mapping[str, str | int | float | Words] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data; words stand in both languages."""
        params = {
            name: {"en": value.en, "de": value.de} if isinstance(value, Words) else value
            for name, value in self.params.items()
        }
        return {"code": self.code, "params": params}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Reason:
        """The reason that ``as_dict`` wrote down; raises KeyError or TypeError for anything else."""
        params = {
            name: Words(**value) if isinstance(value, Mapping) else value for name, value in values["params"].items()
        }
        return cls(values["code"], params)


def render(reason: Reason, language: Language) -> str:
    """The sentence of a reason in one language.

    Raises KeyError for a code without a sentence and for a parameter the sentence misses;
    a test finds both before a user does.
    """
    return _sentences(language)["reasons"][reason.code].format_map(
        {name: _worded(name, value, language) for name, value in reason.params.items()}
    )


def outline(code: str, language: Language) -> str:
    """The sentence of a code with dots in the place of its values; the code itself where there is no sentence."""
    return _sentences(language)["reasons"].get(code, code).format_map(_Dots())


def text(key: str, language: Language, **params: str | int | float) -> str:
    """A fixed text of the interface (``section.name``) in one language."""
    section, _, name = key.partition(".")
    return _sentences(language)[section][name].format_map(
        {name: _number(value, language) for name, value in params.items()}
    )


def count_text(number: float, language: Language) -> str:
    """A large number in short: 7.52e9 → ``7.52 billion``, ``7,52 Mrd.``"""
    for name, factor in (("trillion", 1e12), ("billion", 1e9), ("million", 1e6), ("thousand", 1e3)):
        if abs(number) >= factor:
            shown = f"{number / factor:.3g}"
            return text(f"count.{name}", language, number=shown if language == "en" else shown.replace(".", ","))
    return f"{number:.3g}"


class _Dots(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


@cache
def _sentences(language: Language) -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))


def _worded(name: str, value: str | int | float | Words, language: Language) -> str:
    """A value as people read it. A parameter named like a section of the texts holds keys of it, with commas."""
    if isinstance(value, Words):
        return value[language]
    if not isinstance(value, str):
        return _number(value, language)
    words = _sentences(language).get(name, {})
    return ", ".join(words.get(part, part) for part in value.split(", "))


def _number(value: str | int | float, language: Language) -> str:
    if isinstance(value, str):
        return value
    shown = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"
    return shown if language == "en" else shown.translate(str.maketrans(",.", ".,"))
