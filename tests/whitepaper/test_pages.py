from __future__ import annotations

import re
from html import unescape

from stellwerk.catalog import Claim, Fact, Source
from stellwerk.charts import Language
from stellwerk.whitepaper import Edition, compose_edition, render_edition
from tests.whitepaper.conftest import AS_OF
from tests.whitepaper.page_reader import read_page
from tests.whitepaper.small_catalogue import catalogue, system

_REGISTER_ROW = re.compile(r'<tr id="((?:val|fig)-[^"]+)"><th scope="row">(.*?)</tr>', re.DOTALL)
_FIGURE_LINK = re.compile(r'<a class="figure" href="#([^"]+)">(.*?)</a>', re.DOTALL)


def test_both_pages_keep_what_every_page_promises(pages: dict[Language, str]) -> None:
    for language, html in pages.items():
        page = read_page(html)
        assert page.problems == []
        assert page.language == language


def test_the_pages_lead_to_each_other(pages: dict[Language, str]) -> None:
    assert 'href="../en/index.html" lang="en" hreflang="en"' in pages["de"]
    assert 'href="../de/index.html" lang="de" hreflang="de"' in pages["en"]


def test_both_languages_show_the_same_figures(pages: dict[Language, str], edition: Edition) -> None:
    for html in pages.values():
        assert sorted(unescape(key) for key, _ in _REGISTER_ROW.findall(html)) == sorted(edition.figures)
    assert _shown_ids(pages["de"]) == _shown_ids(pages["en"])


def test_every_figure_that_is_shown_leads_to_its_claims(pages: dict[Language, str], edition: Edition) -> None:
    html = pages["de"]
    register = {unescape(key): content for key, content in _REGISTER_ROW.findall(html)}
    for key in _shown_ids(html):
        figure, content = edition.figures[key], register[key]
        assert f'<a class="id" href="#{key}">{key}</a>' in content  # the id is there to be copied
        if figure.claims:
            assert content.count('href="#src-') == len(figure.claims)
        elif figure.method is None:
            assert "Keine Quelle macht dazu eine Angabe." in content
        else:
            assert content.count('<a href="#val-') + content.count('<a href="#fig-') >= len(figure.counted)


def test_unknown_is_a_word_and_never_an_empty_link(pages: dict[Language, str], edition: Edition) -> None:
    for language, word in (("de", "unbekannt"), ("en", "unknown")):
        for key, shown in _FIGURE_LINK.findall(pages[language]):
            assert shown.strip()
            assert (edition.figures[unescape(key)].value is None) == ('<span class="unknown">' in shown), key
            if edition.figures[unescape(key)].value is None:
                assert word in shown


def test_every_stated_value_carries_the_mark_of_its_evidence(pages: dict[Language, str], edition: Edition) -> None:
    seen: set[str] = set()
    for key, mark in re.findall(
        r'<a class="figure" href="#([^"]+)">.*?</a>(?:&nbsp;<span class="mark (\w+)")?', pages["de"]
    ):
        evidence = edition.figures[unescape(key)].evidence
        assert (mark or None) == evidence, key
        seen.add(mark)
    assert seen == {"", "primary", "secondary", "unsourced"}


def test_numbers_follow_the_language(pages: dict[Language, str]) -> None:
    assert '<a class="figure" href="#fig-capacity-accelerators-de">33.212</a>' in pages["de"]
    assert '<a class="figure" href="#fig-capacity-accelerators-de">33,212</a>' in pages["en"]
    assert "23. November 2026" in pages["de"]
    assert "23 November 2026" in pages["en"]


def test_the_same_edition_gives_the_same_page(pages: dict[Language, str], edition: Edition) -> None:
    assert render_edition(edition, "de") == pages["de"]


def test_comments_stand_at_their_figure_and_in_the_list(pages: dict[Language, str]) -> None:
    html = pages["de"]
    assert html.count('href="#comment-c1"') >= 2  # where the figure is read and in the evidence
    listed = html[html.index('id="comments"') : html.index('id="evidence"')]
    assert "Stimmt die Summe?" in listed
    assert "Ja, siehe Nachweis." in listed
    assert "Noch nicht beantwortet." in listed
    assert "nicht mehr enthält: fig-of-a-former-edition" in listed


def test_name_and_address_need_consent(pages: dict[Language, str]) -> None:
    for html in pages.values():
        assert "Person Nummer 1" in html
        assert "person1@example.org" in html
        assert "Person Nummer 2" not in html
        assert "person2@example.org" not in html
        assert "Person Nummer 3" in html
        assert "person3@example.org" not in html


def test_a_comment_cannot_bring_a_script(pages: dict[Language, str]) -> None:
    for html in pages.values():
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; mehr" in html
        assert html.count("<script") == 1  # ours, allowed by its hash


def test_an_address_that_is_no_web_address_becomes_no_link() -> None:
    claim = Claim(4, Source(("javascript:alert(1)",), "2026", None, "primary"))
    edition = compose_edition(catalogue([system("a", Fact((claim,)))]), as_of=AS_OF, version="1")
    html = render_edition(edition, "en")
    assert "javascript:alert(1)" in html
    assert 'href="javascript' not in html


def _shown_ids(html: str) -> set[str]:
    return {unescape(key) for key, _ in _FIGURE_LINK.findall(html)}
