"""No text attributes a figure, an option or a priority to the ministries' white paper.

Its full text is not at hand. The report names it in one fixed sentence, which says that it attributes nothing to
it; apart from that, neither the paper nor a ministry or the government is named in any text of ours. What the
catalogue says about programmes (who is responsible, who pays) and what people write in comments stays theirs.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from stellwerk.charts import Language
from stellwerk.whitepaper.words import load_texts

DELIMITATION: dict[Language, str] = {
    "de": "Dieser Bericht ist unabhängig. Er schreibt dem Whitepaper der Bundesministerien zur "
    "KI-Recheninfrastruktur keine Zahl, keine Option und keine Priorität zu.",
    "en": "This report is independent. It attributes no figure, no option and no priority to the white paper of the "
    "German federal ministries on AI computing infrastructure.",
}
_PAPER = r"white\s*-?\s*paper|wei(?:ß|ss)buch|positionspapier|position paper|handlungsoption|options? for action"
_GOVERNMENT = (
    r"minist(?:er|r[iy])|\bB(?:MBF|MFTR|MWE|MWK|MDS|MDV)\b|bundesregierung|federal government|regierung|"
    r"\bgovernment\b|\bder bund\b|\bdes bundes\b|kabinett|cabinet"
)
PAPER, ANYBODY = re.compile(_PAPER, re.IGNORECASE), re.compile(f"{_PAPER}|{_GOVERNMENT}", re.IGNORECASE)


class _OwnText(HTMLParser):
    """The visible text of a page; ``own`` leaves out what the catalogue, sources and comments say."""

    def __init__(self) -> None:
        super().__init__()
        self.own: list[str] = []
        self.all: list[str] = []
        self._quoted: list[bool] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "br", "link"):
            return
        classes = (dict(attributes).get("class") or "").split()
        foreign = tag in ("style", "script", "blockquote") or bool({"fact", "sources"} & set(classes))
        self._quoted.append(foreign or any(self._quoted))

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "br", "link"):
            self._quoted.pop()

    def handle_data(self, data: str) -> None:
        self.all.append(data)
        if not any(self._quoted):
            self.own.append(data)


def _read(html: str) -> tuple[str, str]:
    reader = _OwnText()
    reader.feed(re.sub(r"<style>.*?</style>|<script>.*?</script>", "", html, flags=re.DOTALL))
    return " ".join(" ".join(reader.own).split()), " ".join(" ".join(reader.all).split())


@pytest.fixture(scope="module")
def shown(pages: dict[Language, str]) -> dict[Language, tuple[str, str]]:
    """By language: what the page says of its own, and all that it says."""
    return {language: _read(html) for language, html in pages.items()}


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_sentence_of_delimitation_stands_once_on_each_page(
    shown: dict[Language, tuple[str, str]], language: Language
) -> None:
    assert shown[language][0].count(DELIMITATION[language]) == 1


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_text_of_ours_speaks_for_the_paper_or_the_government(
    shown: dict[Language, tuple[str, str]], language: Language
) -> None:
    own, everything = (text.replace(DELIMITATION[language], "") for text in shown[language])
    assert ANYBODY.findall(own) == []
    assert PAPER.findall(everything) == []  # nor does the catalogue attribute anything to the paper


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_stored_text_does_either(language: Language) -> None:
    texts = dict(load_texts(language))
    assert texts.pop("about.delimitation") == DELIMITATION[language]
    assert {key: text for key, text in texts.items() if ANYBODY.search(text)} == {}


def test_the_template_brings_no_text_of_its_own() -> None:
    template = files("stellwerk.whitepaper").joinpath("edition.html.j2").read_text(encoding="utf-8")
    assert ANYBODY.findall(template) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Laut Whitepaper fehlen 10.000 GPUs.",
        "Das White Paper nennt diese Zahl.",
        "Dem Weißbuch zufolge ist der Ausbau vorrangig.",
        "Das BMFTR sieht einen Bedarf von 500 MW.",
        "Nach Angaben der Ministerien sind es 33.212.",
        "Die Bundesregierung gibt dieser Maßnahme Vorrang.",
        "Handlungsoption 3: Gutscheine.",
        "According to the white paper, 10,000 GPUs are missing.",
        "The ministry recommends vouchers.",
        "The German ministries put the gap at 60 billion.",
        "The federal government gives this priority.",
        "Option for action: anchor customer.",
    ],
)
def test_an_attribution_would_be_noticed(sentence: str) -> None:
    assert ANYBODY.search(sentence)
