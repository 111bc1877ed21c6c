"""The words of requests and questions in two languages (``texts/de.toml``, ``texts/en.toml``)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from stellwerk.messages import Language


def words(section: str, language: Language) -> dict[str, str]:
    """The texts of one section by key."""
    return _texts(language)[section]


@cache
def _texts(language: Language) -> dict[str, dict[str, str]]:
    return tomllib.loads(files("stellwerk.workload").joinpath(f"texts/{language}.toml").read_text(encoding="utf-8"))
