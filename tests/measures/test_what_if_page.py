from __future__ import annotations

import re
from dataclasses import replace

import pytest

from stellwerk.measures.changes import parse_change
from stellwerk.measures.outcome import Outcome
from stellwerk.measures.replays import what_if
from stellwerk.measures.scenario import Scenario
from stellwerk.measures.what_if_page import About, render_what_if_page
from stellwerk.measures.what_if_words import across
from stellwerk.messages import LANGUAGES, Language
from stellwerk.simulation import Cluster, Easy
from tests.measures.logs import excerpt

ABOUT = About("kth.swf.gz", "ab" * 32, ("; Acknowledge: <Lars>",), 2_500, 2_499, "100 processors", "easy")


@pytest.fixture(scope="module")
def outcomes() -> tuple[Outcome, ...]:
    return what_if(Scenario(excerpt(), Cluster.pooled(100), Easy()), [parse_change("processors+20")])


def test_the_figures_of_both_stand_side_by_side(outcomes: tuple[Outcome, ...]) -> None:
    page = render_what_if_page(outcomes, ABOUT, "de")
    cells = re.search(r'<th scope="row">Mittlere Wartezeit</th>(.*?)</tr>', page)
    assert cells is not None
    assert re.findall(r'class="number">(.*?)</td>', cells[1]) == ["2,15 h", "1,02 h"]
    assert '<th scope="row">Maschine (Prozessoren)</th><td class="number">100</td><td class="number">120</td>' in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_is_there_and_the_source_is_acknowledged(
    outcomes: tuple[Outcome, ...], language: Language
) -> None:
    page = render_what_if_page(outcomes, ABOUT, language)
    for chart in ("waits-by-size", "queue-over-time", "size-map-before", "size-map-after"):
        assert page.count(f'<figure class="chart" id="{chart}">') == 1
    assert "; Acknowledge: &lt;Lars&gt;" in page
    assert ABOUT.sha256 in page
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_what_is_not_drawn_at_random_is_said_to_be_exact(outcomes: tuple[Outcome, ...]) -> None:
    assert "Nothing is drawn at random" in render_what_if_page(outcomes, ABOUT, "en")


def test_several_replays_show_their_median_and_their_range() -> None:
    assert across([3.0, 1.0, 8.0], str) == ("3.0", "1.0–8.0")
    assert across([1.0, 3.0], str)[0] == "2.0"
    assert across([2.0, 2.0], str) == ("2.0", "")
    assert across([None], str) == ("–", "")


def test_more_changes_than_can_be_told_apart_still_make_a_page(outcomes: tuple[Outcome, ...]) -> None:
    before, after = outcomes
    alone = [replace(after, changes=(f"processors+{number}",)) for number in range(1, 11)]
    together = replace(after, changes=tuple(change for one in alone for change in one.changes))
    page = render_what_if_page([before, *alone, together], ABOUT, "en")
    assert page.count('<th scope="col" class="number">processors+10</th>') == 1
    assert "all 10 changes" in page
    assert "<h1>What if: processors+1, processors+2," in page
