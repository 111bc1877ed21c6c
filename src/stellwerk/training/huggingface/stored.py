"""The tensors in the safetensors files of a folder, by name, read in part or whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from stellwerk.errors import InputError
from stellwerk.files import read_text

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
MOST_INDEX_BYTES = 200_000_000
FLOATING = ("F64", "F32", "F16", "BF16")
"""What safetensors calls the types that weights are read in."""


class StoredTensors:
    """Opens the files of ``folder`` when a tensor is asked for.

    Raises InputError, naming file and tensor, for a folder without such files, an index that does not fit its files,
    a file that is cut off or no safetensors, and a tensor that is missing or of a type that holds no plain weights.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, Any] = {}
        index = folder / INDEX
        if index.exists():
            self._files = _files_in_index(index)
        else:
            self._files = dict.fromkeys(self._names_in(_only_file(folder)), _only_file(folder))

    def names(self) -> frozenset[str]:
        return frozenset(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._slice(name).get_shape())

    def read(self, name: str, part: tuple[slice, ...]) -> Tensor:
        """The part of a tensor that ``part`` cuts out, one slice for each of the first dimensions; reads no more."""
        cut = self._slice(name)
        tensor: Tensor = cut[part] if part else cut[:]
        return tensor

    def file_of(self, name: str) -> Path:
        """Raises InputError where no file has it."""
        if name not in self._files:
            file = self._folder / INDEX
            raise InputError("this tensor is missing", file=file if file.exists() else self._folder / SINGLE, key=name)
        return self._files[name]

    def _slice(self, name: str) -> Any:
        file = self.file_of(name)
        try:
            found = self._opened(file).get_slice(name)
        except SafetensorError:
            raise InputError(f"this tensor is missing, although {INDEX} says it is here", file=file, key=name) from None
        if found.get_dtype() not in FLOATING:
            raise InputError(
                "the type is not one that weights are read in",
                file=file,
                key=name,
                value=found.get_dtype(),
                allowed=FLOATING,
            )
        return found

    def _names_in(self, file: Path) -> list[str]:
        return list(self._opened(file).keys())

    def _opened(self, file: Path) -> Any:
        if file not in self._open:
            try:
                self._open[file] = safe_open(file, framework="pt", device="cpu")
            except FileNotFoundError:
                raise InputError(f"the file does not exist, although {INDEX} names it", file=file) from None
            except (SafetensorError, OSError) as error:
                raise _broken(file, error) from None
        return self._open[file]


def _only_file(folder: Path) -> Path:
    file = folder / SINGLE
    if not file.exists():
        raise InputError("there are no weights here", file=folder, allowed=f"a folder with {SINGLE} or {INDEX}")
    return file


def _files_in_index(index: Path) -> dict[str, Path]:
    text = read_text(index, limit_bytes=MOST_INDEX_BYTES)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", file=index) from None
    names = values.get("weight_map") if isinstance(values, dict) else None
    if not isinstance(names, dict) or not names:
        raise InputError("names no tensors", file=index, key="weight_map", allowed="tensor names with their files")
    for name, file in names.items():
        # Only files beside the index: a path could lead anywhere.
        if not isinstance(file, str) or Path(file).name != file:
            raise InputError(
                "is no name of a file", file=index, key=name, value=file, allowed="a file in the same folder"
            )
    return {name: index.parent / file for name, file in names.items()}


def _broken(file: Path, error: Exception) -> InputError:
    """What is wrong with a file that the library refuses: where it is cut off, the first tensor that is not whole."""
    missing = _first_missing(file)
    if missing is not None:
        name, lacking = missing
        return InputError(f"the file is cut off: {lacking:,} bytes of its tensors are missing", file=file, key=name)
    return InputError(f"no readable safetensors file: {error}", file=file)


def _first_missing(file: Path) -> tuple[str, int] | None:
    """The first tensor that ends beyond the end of the file, and how many bytes the file lacks in all.

    A file begins with the length of its header (8 bytes, little-endian) and the header, a JSON object with the
    offsets of each tensor behind it (https://github.com/huggingface/safetensors, Format).
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > size:
            return None
        try:
            header: Mapping[str, Any] = json.loads(stream.read(length))
            ends = {name: 8 + length + about["data_offsets"][1] for name, about in header.items() if name[:2] != "__"}
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return None
    beyond = [(end, name) for name, end in ends.items() if end > size]
    return (min(beyond)[1], max(ends.values()) - size) if beyond else None
