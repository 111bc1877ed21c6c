"""The manifest of a checkpoint: written last, it says which files make the checkpoint whole.

JSON with a checksum of itself, so that a checkpoint is either described by it completely or not whole.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from stellwerk.messages import Reason
from stellwerk.training.checkpoints.errors import CheckpointError, size_words, words_of

MANIFEST = "manifest.json"
SCHEMA = 1
BROKEN = frozenset(
    {
        "checkpoint_without_manifest",
        "checkpoint_manifest_damaged",
        "checkpoint_file_missing",
        "checkpoint_file_torn",
        "checkpoint_file_changed",
    }
)
"""Codes of errors that reading it again does not mend."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of a checkpoint."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """One tensor of a checkpoint, as a whole; ``type`` as torch names it, without its ``torch.``."""

    shape: tuple[int, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint holds."""

    step: int
    processes: int
    torch_version: str
    extra: Mapping[str, Any]
    tensors: Mapping[str, TensorRecord]
    files: Mapping[str, FileRecord]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files.values())

    @property
    def sha256(self) -> str:
        """Of everything in it."""
        return _checksum(_content(self))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest and hands it to the disk."""
    content = _content(manifest)
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(json.dumps({**content, "sha256": _checksum(content)}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """Reads and checks the manifest; raises CheckpointError where it is missing, damaged, or of a later schema."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        checksum = content.pop("sha256")
        damaged = checksum != _checksum(content)
    except FileNotFoundError:
        raise CheckpointError(Reason("checkpoint_without_manifest", {"file": str(path)})) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        damaged = True
    if damaged:
        raise CheckpointError(Reason("checkpoint_manifest_damaged", {"file": str(path)}))
    if content.pop("schema") != SCHEMA:
        raise CheckpointError(Reason("checkpoint_of_other_version", {"file": str(path)}))
    return Manifest(
        **{
            **content,
            "tensors": {n: TensorRecord(tuple(t["shape"]), t["type"]) for n, t in content["tensors"].items()},
            "files": {name: FileRecord(**file) for name, file in content["files"].items()},
        }
    )


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Raises CheckpointError for the first file that is missing or has another size than written."""
    for name, record in manifest.files.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise CheckpointError(Reason("checkpoint_file_missing", {"file": str(path)})) from None
        except OSError as error:
            raise _unreadable(path, error) from None
        if size != record.size_bytes:
            sizes = {"size": size_words(size), "written": size_words(record.size_bytes)}
            raise CheckpointError(Reason("checkpoint_file_torn", {"file": str(path), **sizes}))


def check_content(folder: Path, manifest: Manifest, *, share: int = 0, shares: int = 1) -> None:
    """Raises CheckpointError for the first file whose content is not what was written; looks at one share of them."""
    for name in sorted(manifest.files)[share::shares]:
        path = folder / name
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise CheckpointError(Reason("checkpoint_file_missing", {"file": str(path)})) from None
        except OSError as error:
            raise _unreadable(path, error) from None
        if found != manifest.files[name].sha256:
            raise CheckpointError(Reason("checkpoint_file_changed", {"file": str(path)}))


def check_shared(folder: Path, manifest: Manifest) -> None:
    """Raises CheckpointError where one process does not see, whole, what all have written."""
    try:
        check_sizes(folder, manifest)
    except CheckpointError as error:
        raise CheckpointError(Reason("checkpoint_not_shared", {"file": str(error.reason.params["file"])})) from error


def _content(manifest: Manifest) -> dict[str, Any]:
    """As it comes back from the file: keys are text, sequences are lists."""
    return cast(dict[str, Any], json.loads(json.dumps({"schema": SCHEMA, **asdict(manifest)})))


def _checksum(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(Reason("checkpoint_unreadable", {"file": str(path), "problem": words_of(error)}))
