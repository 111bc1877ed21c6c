"""What stands beside the shards: where the text is from, under which licence, and what was made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from stellwerk.errors import InputError
from stellwerk.files import read_text, write_whole

SCHEMA = 1
KIND = "stellwerk token shards"
MANIFEST = "manifest.json"
INPUTS = "inputs.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_LIMIT_BYTES = 256 * 2**20
_LIMIT_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of tokens, little-endian, nothing before or behind them."""

    file: str
    tokens: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """The training part or the held-out one; ``text_bytes`` in UTF-8, ``tokens`` with one end of text per document."""

    documents: int
    text_bytes: int
    tokens: int
    shards: tuple[Shard, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where inputs are from and what may be done with them; ``version`` is empty where none is stated."""

    source: str
    licence: str
    version: str
    files: int
    documents: int
    text_bytes: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """Documents that were read and not kept."""

    empty: int
    exact_duplicates: int
    near_duplicates: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """All there is to know of a prepared dataset without reading its tokens.

    ``token_type`` is uint16 or uint32; ``vocabulary`` is one more than the largest token that may stand in a shard;
    ``end_of_text`` is the token behind each document. ``inputs_sha256`` and ``tokenizer_sha256`` are of inputs.json and
    tokenizer.json beside the manifest, ``recipe_sha256`` is of all that the result depends on; ``deduplication`` says
    how duplicates were found, with the parameters.
    """

    token_type: Literal["uint16", "uint32"]
    vocabulary: int
    end_of_text: int
    tokenizer_sha256: str
    tokenizer_trained: bool
    inputs_sha256: str
    recipe_sha256: str
    sources: tuple[Source, ...]
    dropped: Dropped
    deduplication: Mapping[str, object]
    held_out_share: float
    seed: int
    training: Part
    held_out: Part
    versions: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Of everything that the tokens depend on: two datasets with the same value read the same."""
        content = [
            self.token_type,
            self.vocabulary,
            self.end_of_text,
            self.tokenizer_sha256,
            [shard.sha256 for shard in self.training.shards],
            [shard.sha256 for shard in self.held_out.shards],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class InputFile(NamedTuple):
    """A file that was read, by the name that it had below what was handed in; ``source`` is a place in the list."""

    name: str
    bytes: int
    sha256: str
    source: int


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes manifest.json, whole or not at all; with it a dataset is complete."""
    content = {"schema": SCHEMA, "kind": KIND, **asdict(manifest), "sha256": manifest.sha256}
    write_whole(folder / MANIFEST, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode(), durable=True)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a prepared dataset; raises InputError with file and key for what is none."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InputError("there is no such folder", file=folder, allowed="a folder made by stellwerk data prepare")
    if not path.exists():
        raise InputError(
            "holds no manifest.json, so no whole dataset",
            file=folder,
            allowed="a folder made by stellwerk data prepare",
        )
    try:
        values = json.loads(read_text(path, limit_bytes=_LIMIT_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", file=path) from None
    if not isinstance(values, dict):
        raise InputError("is no JSON object", file=path)
    if values.get("kind") != KIND:
        raise InputError(
            "is no manifest of token shards", file=path, key="kind", value=values.get("kind"), allowed=KIND
        )
    if values.get("schema") != SCHEMA:
        raise InputError(
            "is of another version", file=path, key="schema", value=values.get("schema"), allowed=str(SCHEMA)
        )
    manifest = _checked(values, path)
    if values.get("sha256") != manifest.sha256:
        raise InputError(
            "does not fit the rest of the manifest, which has been changed since it was written",
            file=path,
            key="sha256",
            value=values.get("sha256"),
        )
    return manifest


def inputs_content(inputs: list[InputFile]) -> bytes:
    """inputs.json, one line for each file."""
    lines = ",\n".join(json.dumps(one._asdict(), ensure_ascii=False) for one in inputs)
    return f"[\n{lines}\n]\n".encode()


def _checked(values: dict[str, Any], path: Path) -> Manifest:
    from pydantic import TypeAdapter, ValidationError  # slow to load; only who opens a dataset pays for it

    known = {key: value for key, value in values.items() if key not in ("schema", "kind", "sha256")}
    try:
        manifest: Manifest = TypeAdapter(Manifest).validate_python(known)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"])
        raise InputError(f"does not hold what it should: {first['msg']}", file=path, key=key) from None
    for name, part in (("training", manifest.training), ("held_out", manifest.held_out)):
        for place, shard in enumerate(part.shards):
            if Path(shard.file).name != shard.file:
                key = f"{name}.shards.{place}.file"
                raise InputError("is no name of a file beside it", file=path, key=key, value=shard.file)
    return manifest
