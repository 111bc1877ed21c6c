from __future__ import annotations

import re

import pytest

from stellwerk.whitepaper import Edition
from tests.whitepaper.golden import FOLDER, golden_files, recorded_ids


def test_no_figure_id_of_a_former_edition_is_lost(edition: Edition) -> None:
    assert sorted(recorded_ids() - set(edition.figures)) == []


def test_ids_are_fit_for_links_and_say_what_they_are(edition: Edition) -> None:
    for figure_id, figure in edition.figures.items():
        assert re.fullmatch(r"(fig|val)-[A-Za-z0-9._()-]+", figure_id)
        assert figure_id.startswith(f"val-{figure.entry_id}-" if figure.entry_id else "fig-")
        assert figure.method is None if figure.entry_id else figure.method is not None


@pytest.mark.parametrize("name", ["small-de.txt", "small-en.txt", "small-edition.json"])
def test_the_edition_of_a_small_catalogue_reads_as_it_should(name: str) -> None:
    assert golden_files()[name] == (FOLDER / name).read_text(encoding="utf-8")
