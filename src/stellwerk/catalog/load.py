"""Loads the catalogue: files in, immutable objects out, every mistake named."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

from stellwerk.catalog.model import Catalogue
from stellwerk.errors import InputError, InputErrors

PACKAGED = Path(__file__).with_name("data")


def load_catalogue(directory: Path | None = None, *, overlay: Path | None = None) -> Catalogue:
    """The catalogue in a folder of TOML files; None means the packaged one, which a process reads once.

    The files in the folder ``overlay`` are laid over it: what they state of a known entry leads, with the claims
    below beside it, and what they add is new. Raises InputErrors with everything that is wrong in any file, and
    InputError where a folder is missing or holds no file.
    """
    with _garbage_left_alone():
        if directory is None and overlay is None:
            return _packaged()
        return _load(PACKAGED if directory is None else directory, overlay)


@cache
def _packaged() -> Catalogue:
    """Nobody writes to an installed package while it runs, and nothing changes a catalogue: one object serves all."""
    catalogue = _load(PACKAGED, None)
    # It stays as long as the process: whoever looks for garbage afterwards need not look through all of it each time.
    # What else there is by now (modules, mostly) is left alone, too.
    gc.freeze()
    return catalogue


def _load(directory: Path, overlay: Path | None) -> Catalogue:
    # pydantic takes longer to import than everything else here: only those who load pay for it
    from stellwerk.catalog.build import build
    from stellwerk.catalog.files import Document, read_documents

    errors: list[InputError] = []
    documents, digest = read_documents(directory, errors)
    local: list[Document] = []
    if overlay is not None:
        local, local_digest = read_documents(overlay, errors)
        digest = sha256(f"{digest} {local_digest}".encode()).hexdigest()
    catalogue = build(documents, local, digest, errors)
    if catalogue is None:
        raise InputErrors(errors)
    return catalogue


@contextmanager
def _garbage_left_alone() -> Iterator[None]:
    """Loading makes tens of thousands of objects and no garbage: looking for it takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
