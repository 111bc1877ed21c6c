"""One process's part in reading a checkpoint, whatever number of processes wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader

from stellwerk.messages import Reason
from stellwerk.training.checkpoints.errors import CheckpointError
from stellwerk.training.checkpoints.manifest import Manifest, TensorRecord

NAMED_DIFFERENCES = 3


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
    """Fills this process's share of the tensors in place."""
    reader = FileSystemReader(path)
    planner = DefaultLoadPlanner(flatten_state_dict=False, flatten_sharded_tensors=False)
    metadata = reader.read_metadata()
    planner.set_up_planner(dict(tensors), metadata)
    reader.set_up_storage_reader(metadata, is_coordinator=False)
    # Each process finds by itself what it needs: its plan is already the final one.
    reader.read_data(planner.finish_plan(planner.create_local_plan()), planner).wait()


def _group(name: str) -> str:
    return name.partition(".")[0]


def _described(record: TensorRecord | None) -> str:
    return f"{record.type} {list(record.shape)}" if record is not None else "–"
