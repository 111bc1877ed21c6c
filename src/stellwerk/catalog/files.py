"""Reads catalogue files from a folder: their bytes, and what stands in them before anything is checked."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError
from stellwerk.files import decode_utf8, parse_toml, read_bytes

MAX_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """One TOML file as it was written. ``name`` is its path inside the catalogue."""

    path: Path
    name: str
    content: dict[str, Any]


def read_documents(directory: Path, errors: list[InputError]) -> tuple[list[Document], str]:
    """All ``*.toml`` below a folder in the order of their paths, and the SHA-256 over names and bytes.

    What cannot be read is added to ``errors``. Raises InputError where the folder itself is missing or holds none.
    """
    if not directory.is_dir():
        raise InputError("no such catalogue folder", file=directory)
    paths = sorted(directory.rglob("*.toml"), key=lambda path: path.relative_to(directory).as_posix())
    if not paths:
        raise InputError("the folder holds no catalogue file", file=directory, allowed="files whose name ends in .toml")
    digest = sha256()
    documents = []
    for path in paths:
        name = path.relative_to(directory).as_posix()
        try:
            raw = read_bytes(path, limit_bytes=MAX_BYTES)
            documents.append(Document(path, name, parse_toml(decode_utf8(raw, path), path)))
        except InputError as error:
            errors.append(error)
            continue
        digest.update(name.encode() + b"\0" + raw + b"\0")
    return documents, digest.hexdigest()
