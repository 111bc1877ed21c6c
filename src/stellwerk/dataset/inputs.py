"""Which files are read, in which order, where they are from and under which licence."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from stellwerk.errors import InputError
from stellwerk.files import read_toml

Kind = Literal["text", "jsonl", "parquet"]
SOURCE_FILE = "SOURCE.toml"
KINDS: dict[str, Kind] = {
    ".txt": "text", ".text": "text", ".md": "text",
    ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet",
}  # fmt: skip
"""What is read in a folder, by suffix; behind it may stand one of ``COMPRESSIONS``."""
COMPRESSIONS = (".gz", ".zst")
_SOURCE_LIMIT_BYTES = 2**20
_BLOCK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Origin:
    """Where text is from and what may be done with it; ``version`` is empty where none is stated."""

    source: str
    licence: str
    version: str = ""


class Found(NamedTuple):
    """A file to read: its path, its name below what was handed in, how it is read."""

    path: Path
    name: str
    kind: Kind
    size_bytes: int
    origin: Origin


class Listed(NamedTuple):
    """The files to read in the order of their names, and the number of files in folders that are of no known kind."""

    files: tuple[Found, ...]
    left_out: int


def find_inputs(paths: Sequence[Path], *, source: str | None, licence: str | None) -> Listed:
    """The files at ``paths`` and below the folders among them, each once, whatever the order of ``paths``.

    ``source`` and ``licence`` stand for inputs with no SOURCE.toml beside or above them. Raises InputError for a path
    that is not there, for inputs of nothing and for inputs whose source or licence nobody states.
    """
    named: dict[Path, tuple[str, Path]] = {}
    left_out = 0
    for path in paths:
        root = path.resolve()
        if not root.exists():
            raise InputError("there is no such file or folder", file=path)
        for file in _files_below(root):
            name = (Path(root.name) / file.relative_to(root)).as_posix()
            if file == root or kind_of(file) is not None:
                named[file] = max(named.get(file, ("", root)), (name, root), key=lambda pair: (len(pair[0]), pair[0]))
            elif file.name != SOURCE_FILE:
                left_out += 1
    if not named:
        suffixes = ", ".join(f"*{suffix}" for suffix in KINDS)
        raise InputError(
            "no text is there to read", file=", ".join(map(str, paths)), allowed=f"{suffixes}, also with .gz or .zst"
        )
    origins: dict[Path, Origin | None] = {}
    found = [
        Found(
            path=file,
            name=name,
            kind=kind_of(file) or "text",
            size_bytes=file.stat().st_size,
            origin=_stated(file, _origin_of(file, root, origins), source, licence),
        )
        for file, (name, root) in named.items()
    ]
    return Listed(tuple(sorted(found, key=lambda one: (one.name, str(one.path)))), left_out)


def kind_of(path: Path) -> Kind | None:
    """How a file is read, by its name; None where the name does not say it."""
    suffixes = path.suffixes
    if suffixes and suffixes[-1].lower() in COMPRESSIONS:
        suffixes = suffixes[:-1]
    return KINDS.get(suffixes[-1].lower()) if suffixes else None


def hash_file(path: Path, seen: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of a file; ``seen`` is told the bytes that were read since it was called last."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            seen(len(block))
    return digest.hexdigest()


def _files_below(root: Path) -> Iterable[Path]:
    """The file itself, or all files below a folder but hidden ones; links are followed, those to folders not."""
    if root.is_file():
        return [root]
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [(Path(folder) / name).resolve() for name in sorted(files) if not name.startswith(".")]
    return [path for path in found if path.is_file()]


def _origin_of(file: Path, root: Path, known: dict[Path, Origin | None]) -> Origin | None:
    """What the nearest SOURCE.toml says, from the file's folder up to the folder that was handed in."""
    top = root if root.is_dir() else root.parent
    for folder in file.parents:
        if folder not in known:
            known[folder] = _read_origin(folder / SOURCE_FILE) if (folder / SOURCE_FILE).is_file() else None
        if (origin := known[folder]) is not None or folder == top:
            return origin
    return None


def _read_origin(path: Path) -> Origin:
    values = read_toml(path, limit_bytes=_SOURCE_LIMIT_BYTES)
    for key in ("source", "licence", "version"):
        value = values.get(key, "" if key == "version" else None)
        if not isinstance(value, str) or (not value.strip() and key != "version"):
            raise InputError("is not stated", file=path, key=key, value=value, allowed="a text")
    return Origin(values["source"], values["licence"], values.get("version", ""))


def _stated(file: Path, origin: Origin | None, source: str | None, licence: str | None) -> Origin:
    if origin is not None:
        return origin
    if not source or not licence:
        missing = " and ".join(name for name, value in (("--source", source), ("--licence", licence)) if not value)
        raise InputError(
            "nobody says where this text is from and what may be done with it",
            file=file,
            allowed=f'{missing}, or {SOURCE_FILE} beside it with source = "…" and licence = "…"',
        )
    return Origin(source, licence)
