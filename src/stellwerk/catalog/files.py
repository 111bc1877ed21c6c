"""Reads catalogue files from a folder: their bytes, and what stands in them before anything is checked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError

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
            raw = _read_bytes(path)
            documents.append(Document(path, name, _parse(path, raw)))
        except InputError as error:
            errors.append(error)
            continue
        digest.update(name.encode() + b"\0" + raw + b"\0")
    return documents, digest.hexdigest()


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise InputError("not a file", file=path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError("too large for a catalogue file", file=path, value=size, allowed=f"{MAX_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from error


def _parse(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"not UTF-8 in line {line}", file=path) from error
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError("nested too deeply", file=path) from error
    except ValueError as error:  # tomllib's own error, or a number of thousands of digits
        raise InputError(f"not valid TOML: {error}", file=path) from error
