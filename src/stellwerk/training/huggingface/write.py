"""Writes a model in Hugging Face layout."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from stellwerk.errors import InputError
from stellwerk.training.huggingface.config import CONFIG, config_values
from stellwerk.training.huggingface.families import stored_as
from stellwerk.training.huggingface.stored import INDEX, SINGLE
from stellwerk.training.model import ModelDetails
from stellwerk.workload.model import Architecture

MOST_FILE_BYTES = 5_000_000_000
"""Of one safetensors file; a larger model gets several and an index."""
TYPE_NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


def write_model(
    folder: Path,
    weights: Mapping[str, Tensor],
    architecture: Architecture,
    details: ModelDetails,
    *,
    max_length: int,
    special_tokens: Mapping[str, Any] = MappingProxyType({}),
    most_file_bytes: int = MOST_FILE_BYTES,
    beside: Callable[[Path], object] = lambda _: None,
) -> None:
    """Writes config.json, generation_config.json and the weights into ``folder``, which must be new or empty.

    ``weights`` are whole tensors under the decoder's names; ``beside`` writes what else belongs into the folder, which
    appears when everything is written. Raises
    InputError where it holds something, and where no family of transformers is such a model.
    """
    config = config_values(architecture, details, max_length=max_length, special_tokens=special_tokens)
    config["dtype"] = TYPE_NAMES[weights["embedding.weight"].dtype]
    with new_folder(folder) as part:
        _write_weights(part, weights, config["model_type"], architecture, most_file_bytes)
        write_values(part / CONFIG, config)
        write_values(
            part / "generation_config.json", {key: id_ for key, id_ in special_tokens.items() if id_ is not None}
        )
        beside(part)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of ``folder`` at the end, and vanishes when something fails.

    Raises InputError where ``folder`` holds something or cannot be written.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError("something is there already", file=folder, allowed="a folder that is new or empty")
    part: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        yield part
        part.chmod(0o755)
        part.replace(folder)
    except (OSError, SafetensorError) as error:  # safetensors reports a full disk as its own error
        raise InputError(f"cannot be written: {error}", file=folder) from None
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def write_values(file: Path, values: Mapping[str, object]) -> None:
    file.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_weights(
    folder: Path, weights: Mapping[str, Tensor], model_type: str, architecture: Architecture, most_bytes: int
) -> None:
    stored = dict(_stored_tensors(weights, model_type, architecture))
    files = _shared_out(stored, most_bytes)
    if len(files) == 1:
        _save(stored, folder / SINGLE)
        return
    places: dict[str, str] = {}
    for number, names in enumerate(files, start=1):
        file = f"model-{number:05}-of-{len(files):05}.safetensors"
        _save({name: stored[name] for name in names}, folder / file)
        places |= dict.fromkeys(names, file)
    total = sum(tensor.nbytes for tensor in stored.values())
    write_values(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": places})


def _stored_tensors(
    weights: Mapping[str, Tensor], model_type: str, architecture: Architecture
) -> Iterator[tuple[str, Tensor]]:
    """The weights under their names in the family; those of experts one by one. A tied output matrix is left out."""
    for name, weight in weights.items():
        if architecture.tied_embeddings and name == "output.weight":
            continue
        place = stored_as(name, model_type, architecture)
        parts = weight.unbind() if place.stacked else (weight,)
        yield from zip(place.names, parts, strict=True)


def _shared_out(tensors: Mapping[str, Tensor], most_bytes: int) -> list[list[str]]:
    """Names of the tensors of each file, in order; a tensor above the limit gets a file of its own."""
    files: list[list[str]] = [[]]
    filled = 0
    for name, tensor in tensors.items():
        if files[-1] and filled + tensor.nbytes > most_bytes:
            files.append([])
            filled = 0
        files[-1].append(name)
        filled += tensor.nbytes
    return files


def _save(tensors: Mapping[str, Tensor], file: Path) -> None:
    # A slice shares the memory of the tensor that it is cut from, which the library refuses to write.
    own = {name: tensor.clone() if _is_part(tensor) else tensor.contiguous() for name, tensor in tensors.items()}
    save_tensors(own, file)


def save_tensors(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Writes a safetensors file that everybody may read; the library's own are for their owner only."""
    save_file(dict(tensors), file, metadata={"format": "pt"})
    file.chmod(0o644)


def _is_part(tensor: Tensor) -> bool:
    return tensor.untyped_storage().nbytes() != tensor.nbytes
