from __future__ import annotations

import base64
import hashlib
import re

from markupsafe import Markup

from stellwerk.charts import Bar, Link, figure, horizontal_bars, render_page, style_sheet
from tests.whitepaper.page_reader import read_page

_CHART = horizontal_bars("chart-a", "A & B", "Beschreibung", [Bar("<x>", (1,))], ["n"], language="de", unit="Stück")


def _page(**changes: object) -> str:
    arguments = {
        "title": "Titel <1>",
        "language": "de",
        "summary": "Ein Satz.",
        "main": Markup('<section id="one"><h2>Eins</h2>') + figure(_CHART, "de") + Markup("</section>"),
        "contents": [Link("#one", "Eins")],
        "other_languages": {"en": "../en/index.html"},
    }
    return render_page(**(arguments | changes))  # type: ignore[arg-type]


def test_the_page_is_well_formed_with_landmarks_and_language() -> None:
    page = read_page(_page())
    assert page.problems == []
    assert page.language == "de"
    assert {"header", "main", "footer", "nav"} <= page.elements
    assert page.heading_levels == [1, 2]
    assert page.link_targets[0] == "#main"  # skip link first
    assert "main" in page.ids


def test_the_policy_allows_the_style_sheet_and_the_script_by_hash_and_nothing_else() -> None:
    script = "document.title;"
    html = _page(script=script)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))

    def hashed(content: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "style-src": hashed(style_sheet()),
        "script-src": hashed(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert f"<style>{style_sheet()}</style>" in html
    assert f"<script>{script}</script>" in html
    assert "script-src" not in _page()
    assert "<script" not in _page()


def test_texts_are_escaped() -> None:
    html = _page()
    assert "Titel &lt;1&gt;" in html
    assert "<x>" not in html
    assert 'style="' not in html


def test_a_figure_shows_the_picture_and_the_table_beneath() -> None:
    html = str(figure(_CHART, "de"))
    assert html.index("<svg") < html.index("<details>") < html.index("<caption>A &amp; B</caption>")
    assert '<th scope="row">&lt;x&gt;</th><td class="number">1</td>' in html


def test_the_other_language_is_one_link_away() -> None:
    assert '<a href="../en/index.html" lang="en" hreflang="en" rel="alternate">English</a>' in _page()
