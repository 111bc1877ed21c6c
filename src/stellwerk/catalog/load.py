"""Loads the catalogue: files in, immutable objects out, every mistake named."""

from __future__ import annotations

from pathlib import Path

from stellwerk.catalog.model import Catalogue
from stellwerk.errors import InputError, InputErrors

PACKAGED = Path(__file__).with_name("data")


def load_catalogue(directory: Path | None = None) -> Catalogue:
    """The catalogue in a folder of TOML files; None means the packaged one.

    Raises InputErrors with everything that is wrong in any file.
    """
    # pydantic takes longer to import than everything else here: only those who load pay for it
    from stellwerk.catalog.build import build
    from stellwerk.catalog.files import read_documents

    errors: list[InputError] = []
    documents, digest = read_documents(PACKAGED if directory is None else directory, errors)
    catalogue = build(documents, digest, errors)
    if catalogue is None:
        raise InputErrors(errors)
    return catalogue
