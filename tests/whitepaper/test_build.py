from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.catalog import Catalogue
from stellwerk.charts import Language
from stellwerk.errors import InputError
from stellwerk.whitepaper import Edition, compose_edition, edition_as_json, write_edition
from stellwerk.whitepaper.render import render_front_page
from tests.whitepaper.conftest import AS_OF
from tests.whitepaper.small_catalogue import catalogue as small
from tests.whitepaper.small_catalogue import fact, system

FILES = ["de/index.html", "edition.json", "en/index.html", "index.html"]


@pytest.fixture
def short_edition() -> Edition:
    return compose_edition(small([system("a", fact(4))]), as_of=AS_OF, version="1.2.3")


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_edition_is_two_pages_a_front_page_and_one_file_of_figures(short_edition: Edition, tmp_path: Path) -> None:
    written = write_edition(short_edition, tmp_path / "deep" / "out")
    assert [str(path.relative_to(tmp_path / "deep" / "out")) for path in written] == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]  # nothing is left of the workshop


def test_the_same_input_gives_the_same_bytes(
    catalogue: Catalogue, edition: Edition, pages: dict[Language, str], tmp_path: Path
) -> None:
    again = compose_edition(
        catalogue, as_of=AS_OF, version="1.2.3", comments=edition.comments, feedback_hash=edition.feedback_hash
    )
    write_edition(again, tmp_path / "out")
    expected = {f"{language}/index.html": html for language, html in pages.items()}
    expected |= {"edition.json": edition_as_json(edition), "index.html": render_front_page(edition)}
    assert _content(tmp_path / "out") == {name: text.encode() for name, text in expected.items()}


def test_an_edition_replaces_an_edition_and_an_empty_folder(short_edition: Edition, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_edition(short_edition, tmp_path / "out")
    (tmp_path / "out" / "de" / "index.html").write_text("old")
    write_edition(short_edition, tmp_path / "out")
    assert list(_content(tmp_path / "out")) == FILES
    assert (tmp_path / "out" / "de" / "index.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("present", "problem"),
    [
        (["notes.txt"], "holds no edition.json"),
        (["edition.json", "notes.txt"], "notes.txt"),
        (["edition.json", ".git"], ".git"),
    ],
)
def test_what_is_no_edition_is_left_alone(
    short_edition: Edition, tmp_path: Path, present: list[str], problem: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in present:
        (out / name).write_text("mine")
    with pytest.raises(InputError, match=problem):
        write_edition(short_edition, out)
    assert sorted(path.name for path in out.iterdir()) == sorted(present)
    assert all((out / name).read_text() == "mine" for name in present)


def test_a_place_that_cannot_be_written_is_named(short_edition: Edition, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is no folder"):
        write_edition(short_edition, tmp_path / "file")
    with pytest.raises(InputError, match="cannot be written"):
        write_edition(short_edition, tmp_path / "file" / "out")


def test_a_failure_half_way_leaves_the_old_edition(
    short_edition: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_edition(short_edition, out)
    before = _content(out)

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stellwerk.whitepaper.build.edition_as_json", fail)
    with pytest.raises(InputError, match="No space left on device"):
        write_edition(short_edition, out)
    assert _content(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_front_page_leads_to_both_languages(short_edition: Edition, tmp_path: Path) -> None:
    write_edition(short_edition, tmp_path / "out")
    front = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    for language in ("de", "en"):
        assert f'href="{language}/index.html"' in front
        assert (tmp_path / "out" / language / "index.html").is_file()
