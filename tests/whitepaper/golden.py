"""Writes the files that the golden tests compare with: ``python -m tests.whitepaper.golden`` from the repository.

Ids are only ever added to ``figure-ids.txt``: one that disappears breaks links and comments of former editions.
"""

from __future__ import annotations

from pathlib import Path

from stellwerk.catalog import load_catalogue
from stellwerk.whitepaper import Edition, compose_edition, edition_as_json, render_edition
from tests.whitepaper.conftest import AS_OF, LANGUAGES
from tests.whitepaper.page_reader import read_page
from tests.whitepaper.small_catalogue import full_catalogue

FOLDER = Path(__file__).with_name("golden")
IDS = FOLDER / "figure-ids.txt"


def small_edition() -> Edition:
    return compose_edition(full_catalogue(), as_of=AS_OF, version="1.2.3")


def golden_files() -> dict[str, str]:
    """The texts of the small edition by file name."""
    edition = small_edition()
    texts = {f"small-{language}.txt": read_page(render_edition(edition, language)).lines for language in LANGUAGES}
    return texts | {"small-edition.json": edition_as_json(edition)}


def recorded_ids() -> set[str]:
    """All ids of former editions; a line is an id, or an entry with the fields it has figures for."""
    ids: set[str] = set()
    for line in IDS.read_text(encoding="utf-8").splitlines():
        entry, colon, fields = line.partition(": ")
        ids |= {f"val-{entry}-{field}" for field in fields.split()} if colon else {line}
    return ids


def _ids_as_lines(edition: Edition) -> list[str]:
    fields: dict[str, list[str]] = {}
    computed = []
    for figure in edition.figures.values():
        if figure.entry_id:
            fields.setdefault(figure.entry_id, []).append(figure.id.removeprefix(f"val-{figure.entry_id}-"))
        else:
            computed.append(figure.id)
    return sorted(computed) + [f"{entry}: {' '.join(sorted(names))}" for entry, names in sorted(fields.items())]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    edition = compose_edition(load_catalogue(), as_of=AS_OF, version="1.2.3")
    lost = (recorded_ids() if IDS.exists() else set()) - set(edition.figures)
    if lost:
        raise SystemExit("these ids would be lost: " + ", ".join(sorted(lost)))
    IDS.write_text("\n".join(_ids_as_lines(edition)) + "\n", encoding="utf-8")
    for name, text in golden_files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
