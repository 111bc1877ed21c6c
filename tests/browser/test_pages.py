"""Every page that Stellwerk writes, opened in a real browser: accessible, alone, and whole on a narrow screen."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from stellwerk import __version__
from stellwerk.broker import match, render_match_page
from stellwerk.catalog import load_catalogue
from stellwerk.measures import (
    About,
    Scenario,
    parse_change,
    render_usage_page,
    render_what_if_page,
    usage_of,
    what_if,
)
from stellwerk.messages import LANGUAGES
from stellwerk.records import read_swf, replayable
from stellwerk.simulation import Cluster, Easy
from stellwerk.whitepaper import compose_edition, write_edition
from stellwerk.workload import read_workload

pytestmark = pytest.mark.browser

DAY = datetime.date(2026, 11, 23)
EXAMPLE = Path(__file__).parents[2] / "examples" / "german-7b.toml"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LOG = Path(__file__).parents[1] / "data/swf/kth-sp2-1996-first-2500.swf.gz"
PAGES = [
    *(f"{kind}-{language}.html" for kind in ("match", "usage", "what-if") for language in LANGUAGES),
    *("index.html", "de/index.html", "en/index.html"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages of one day in one folder."""
    folder = tmp_path_factory.mktemp("site")
    catalogue = load_catalogue()
    write_edition(compose_edition(catalogue, as_of=DAY, version=__version__), folder)
    answer = match(read_workload(EXAMPLE), catalogue, DAY)
    usage = usage_of(read_swf(LOG))
    jobs = replayable(read_swf(LOG))
    changes = [parse_change("processors+20"), parse_change("load=1.1")]
    outcomes = what_if(Scenario(jobs, Cluster.pooled(100), Easy()), changes, each=True)
    about = About(LOG.name, "0" * 64, jobs.header, len(jobs), len(jobs), "100 processors", "easy")
    for language in LANGUAGES:
        (folder / f"match-{language}.html").write_text(render_match_page(answer, language), encoding="utf-8")
        usage_page = render_usage_page(usage, language, file=LOG.name, sha256="0" * 64, left_out=["…"])
        (folder / f"usage-{language}.html").write_text(usage_page, encoding="utf-8")
        what_if_page = render_what_if_page(outcomes, about, language)
        (folder / f"what-if-{language}.html").write_text(what_if_page, encoding="utf-8")
    return folder


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a context of its own, of a desktop's size. The checker's script needs the page's policy set aside."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_meets_wcag_2_2_aa_with_everything_unfolded(page: Page, site: Path, name: str) -> None:
    page.goto((site / name).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = !part.closest('#evidence'))")
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": STANDARD}, "resultTypes": ["violations"]})
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found.response["violations"]] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_nobody_and_complains_of_nothing(browser: Browser, site: Path, name: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((site / name).as_uri())
    context.close()
    assert requests == [(site / name).as_uri()]
    assert complaints == []


def test_the_filters_of_a_match_leave_what_they_name_and_work_by_keyboard(browser: Browser, site: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((site / "match-en.html").as_uri())

    def shown() -> set[str]:
        rows = page.eval_on_selector_all(
            ".offers tbody tr", "rows => rows.filter(row => row.offsetParent !== null).map(row => row.className)"
        )
        return set(rows)

    everything = shown()
    page.focus("#show-any")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#show-possible")
    assert shown() == {one for one in everything if "is-possible" in one}
    page.check("#show-commercial")
    assert shown() == {one for one in everything if "is-possible" in one and "is-commercial" in one}
    page.check("#show-any")
    page.check("#show-all")
    page.check("#show-front")
    assert shown() == {one for one in everything if "is-front" in one} != set()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_narrow_screen(browser: Browser, site: Path, name: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto((site / name).as_uri())
    width = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert width <= 360
