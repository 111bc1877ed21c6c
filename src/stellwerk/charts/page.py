"""The frame of every page that Stellwerk writes: one file, no request to anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from markupsafe import Markup

from stellwerk.charts.templates import page_template
from stellwerk.charts.words import Language


class Link(NamedTuple):
    """A link with its text."""

    href: str
    text: str


_LANGUAGE_NAMES: Mapping[Language, str] = {"de": "Deutsch", "en": "English"}


def render_page(
    *,
    title: str,
    language: Language,
    summary: str,
    main: Markup,
    footer: Markup = Markup(""),  # noqa: B008
    contents: Sequence[Link] = (),
    other_languages: Mapping[Language, str] | None = None,
    script: str = "",
) -> str:
    """A whole HTML page with header, main part and footer, its style sheet inline.

    ``summary`` is the sentence under the title. ``contents`` are links to sections of ``main`` (ids there), shown
    as a list beside the text. ``other_languages`` gives the address of the same page in another language.
    ``main`` brings no ``h1`` (the title is it) and starts its headings at ``h2``. The page allows no request, no
    frame, no form and only the style and the ``script`` handed in here, by their hashes: inline handlers and
    ``style`` attributes do nothing.
    """
    style = style_sheet()
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hash_source(style)}",
            *([f"script-src {_hash_source(script)}"] if script else []),
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    languages = [
        (code, _LANGUAGE_NAMES[code], address)
        for code, address in sorted({language: "", **(other_languages or {})}.items())
    ]
    return page_template("stellwerk.charts", "page.html.j2").render(
        title=title,
        language=language,
        summary=summary,
        main=main,
        footer=footer,
        contents=contents,
        languages=languages,
        policy=Markup(policy),  # noqa: S704 - built above from constants and hashes
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - the caller's own code
    )


@cache
def style_sheet() -> str:
    """The one style sheet of all pages: light, dark and print."""
    return files("stellwerk.charts").joinpath("style.css").read_text(encoding="utf-8")


def _hash_source(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
