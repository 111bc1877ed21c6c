"""The few words that charts and pages bring with them (``de.toml``, ``en.toml``)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["de", "en"]


def word(key: str, language: Language) -> str:
    """A fixed word or sentence in one language; KeyError where there is none."""
    return _words(language)[key]


def counted(key: str, count: int, language: Language) -> str:
    """A sentence about ``count`` things, in the singular or the plural; empty for none."""
    if count == 0:
        return ""
    return word(f"{key}_one", language) if count == 1 else word(key, language).format(count=count)


@cache
def _words(language: Language) -> dict[str, str]:
    return tomllib.loads(files("stellwerk.charts").joinpath(f"{language}.toml").read_text(encoding="utf-8"))
