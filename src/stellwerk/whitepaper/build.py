"""Writes an edition to a folder: both languages and the figures, all of it or nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from stellwerk.errors import InputError
from stellwerk.whitepaper.export import FILE_NAME, edition_as_json
from stellwerk.whitepaper.model import Edition
from stellwerk.whitepaper.render import LANGUAGES, render_edition, render_front_page

_FRONT = "index.html"
_OWN = {FILE_NAME, _FRONT, *LANGUAGES}


def write_edition(edition: Edition, folder: Path) -> tuple[Path, ...]:
    """Writes ``de/index.html``, ``en/index.html``, a front page for both and ``edition.json``; returns their paths.

    The folder is built beside its place and moved there, so that a reader never sees half an edition. It may be new,
    empty or hold an edition, which is replaced; InputError where it holds anything else or cannot be written.
    """
    folder = folder.resolve()
    _check_place(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as workshop:
            built = Path(workshop) / "built"
            _write(edition, built)
            _put_in_place(built, folder, Path(workshop) / "before")  # the old edition goes with the workshop
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=folder) from error
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))


def _check_place(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError("is no folder", file=folder)
    found = {path.name for path in folder.iterdir()}
    if found and FILE_NAME not in found:
        raise InputError(f"is no folder of an edition: it holds no {FILE_NAME}", file=folder)
    if foreign := sorted(found - _OWN):
        raise InputError("holds more than an edition, which would be lost", file=folder, value=foreign[0])


def _put_in_place(built: Path, folder: Path, before: Path) -> None:
    if not folder.exists():
        built.replace(folder)
        return
    folder.replace(before)
    try:
        built.replace(folder)
    except OSError:
        before.replace(folder)
        raise


def _write(edition: Edition, folder: Path) -> None:
    for language in LANGUAGES:
        page = folder / language / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(render_edition(edition, language), encoding="utf-8")
    (folder / _FRONT).write_text(render_front_page(edition), encoding="utf-8")
    (folder / FILE_NAME).write_text(edition_as_json(edition), encoding="utf-8")
