"""One process's part in reading a checkpoint, whatever number of processes wrote it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata

from stellwerk.messages import Reason
from stellwerk.training.checkpoints.errors import CheckpointError, words_of
from stellwerk.training.checkpoints.manifest import Manifest, TensorRecord

INDEX = ".metadata"
NAMED_DIFFERENCES = 3

_NEEDED = {
    "torch": {"Size"},
    "torch.serialization": {"_get_layout"},
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.distributed.checkpoint.metadata": {
        "ChunkStorageMetadata",
        "Metadata",
        "MetadataIndex",
        "TensorProperties",
        "TensorStorageMetadata",
        "_MEM_FORMAT_ENCODING",
    },
}


def record_of(tensor: Tensor) -> TensorRecord:
    """Shape and type of a tensor as a whole, also where this process holds a share of it."""
    return TensorRecord(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def check_tensors(path: Path, manifest: Manifest, wanted: Mapping[str, TensorRecord]) -> None:
    """Raises CheckpointError that names the first tensors that are not the same in checkpoint and training.

    A reader may ask for some of the groups of tensors only (names up to the first dot, such as ``model``); within a
    group all have to be there.
    """
    groups = {_group(name) for name in wanted}
    held = {name: record for name, record in manifest.tensors.items() if _group(name) in groups}
    names = [*wanted, *(name for name in held if name not in wanted)]
    differing = [name for name in names if held.get(name) != wanted.get(name)]
    if not differing:
        return
    differences = "; ".join(
        f"{name}: {_described(held.get(name))} | {_described(wanted.get(name))}"
        for name in differing[:NAMED_DIFFERENCES]
    )
    raise CheckpointError(
        Reason(
            "checkpoint_of_other_model",
            {"checkpoint": str(path), "count": len(differing), "differences": differences},
        )
    )


def read_share(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Fills this process's share of the tensors in place. Raises CheckpointError where a file cannot be read."""
    reader = _Reader(path)
    planner = DefaultLoadPlanner(flatten_state_dict=False, flatten_sharded_tensors=False)
    metadata = reader.read_metadata()
    planner.set_up_planner(dict(tensors), metadata)
    reader.set_up_storage_reader(metadata, is_coordinator=False)
    # Each process finds by itself what it needs: its plan is already the final one.
    plan = planner.finish_plan(planner.create_local_plan())
    try:
        reader.read_data(plan, planner).wait()
    except OSError as error:
        file = str(error.filename or path)
        raise CheckpointError(Reason("checkpoint_unreadable", {"file": file, "problem": words_of(error)})) from error


class _Reader(FileSystemReader):
    def read_metadata(self, *_args: Any, **_kwargs: Any) -> Metadata:
        with (Path(self.path) / INDEX).open("rb") as file:
            return cast(Metadata, _IndexUnpickler(file).load())


class _IndexUnpickler(pickle.Unpickler):
    """Reads the index, a pickle, without running anything that a stranger put into it."""

    def find_class(self, module: str, name: str) -> Any:
        is_type = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        if is_type or name in _NEEDED.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{INDEX} asks for {module}.{name}, which no checkpoint needs")


def _group(name: str) -> str:
    return name.partition(".")[0]


def _described(record: TensorRecord | None) -> str:
    return f"{record.type} {list(record.shape)}" if record is not None else "–"
