"""What the processes of a test do; imported once by the server that they are forked from."""

from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Mapping
from pathlib import Path

import torch
import torch._dynamo  # AdamW imports it late, which would cost each forked process a second and a half
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

from stellwerk.training.checkpoints import CheckpointError, CheckpointStore


class Block(nn.Module):
    """Sizes that divide evenly neither by 2 nor by 3 nor by 4, beside some that do."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(12)
        self.up = nn.Linear(12, 24)
        self.down = nn.Linear(24, 12)
        self.odd = nn.Parameter(torch.randn(5, 3))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.down(torch.relu(self.up(self.norm(inputs)))) * self.odd.sum()


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.single = nn.Parameter(torch.randn(1))

    def forward(self, inputs: Tensor) -> Tensor:
        for block in self.blocks:
            inputs = block(inputs)
        return inputs * self.single


class Training:
    """A model spread over the processes with FSDP2, or FSDP2 over tensor parallel, and its AdamW."""

    def __init__(self, tensor: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = Model()
        count = dist.get_world_size()
        mesh = init_device_mesh("cpu", (count // tensor, tensor), mesh_dim_names=("data", "tensor"))
        for block in self.model.blocks:
            if tensor > 1:
                parallelize_module(block, mesh["tensor"], {"up": ColwiseParallel(), "down": RowwiseParallel()})
            fully_shard(block, mesh=mesh["data"])
        fully_shard(self.model, mesh=mesh["data"])
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.1, foreach=False)
        # A step without gradients' values: it makes the optimizer's state.
        for parameter in self.model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def step(self, steps: int) -> None:
        """Every process takes the same batch, so that the result does not depend on how many there are."""
        for step in range(steps):
            torch.manual_seed(step)
            self.model(torch.randn(4, 12)).square().mean().backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def tensors(self) -> dict[str, Tensor]:
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        tensors = {f"model.{name}": parameter for parameter, name in names.items()}
        for parameter, held in self.optimizer.state.items():
            tensors |= {f"optimizer.{names[parameter]}.{key}": value for key, value in held.items()}
        return tensors


def digest(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """A checksum of each tensor as a whole."""
    return {
        name: hashlib.sha256(whole(tensor).contiguous().numpy().tobytes()).hexdigest()
        for name, tensor in tensors.items()
    }


def whole(tensor: Tensor) -> Tensor:
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach()


def save_training(directory: Path, tensor: int) -> dict[str, str]:
    """Trains, saves, trains on while that is written, and returns what was to be saved."""
    training = Training(tensor, seed=1)
    training.step(3)
    store = CheckpointStore(directory, keep=2)
    store.save(3, training.tensors(), {"tokens": 12, "processes": dist.get_world_size()})
    saved = digest(training.tensors())
    training.step(2)
    store.wait()
    assert digest(training.tensors()) != saved
    return saved


def load_training(directories: list[Path], tensor: int) -> list[dict[str, str]]:
    """Loads each checkpoint into a model of other values and returns what it held."""
    found = []
    for directory in directories:
        training = Training(tensor, seed=2)
        store = CheckpointStore(directory, keep=2)
        newest = store.newest()
        assert newest is not None
        assert newest.step == 3
        assert store.load(newest, training.tensors()) == {"tokens": 12, "processes": newest.processes}
        found.append(digest(training.tensors()))
    return found


def faults_of_one_among_many(directory: Path) -> list[str]:
    """One process after the other fails or sees something else; all have to hear of it and go on together."""
    tensors = Training(1, seed=1).tensors()
    store = CheckpointStore(directory, keep=9)
    return [
        saved(store, 1, tensors),
        *full_disks(store, tensors),
        disk_that_is_not_shared(store, tensors),
        saved(store, 4, tensors),
        saved(store, 5, tensors),
        *newest_not_seen_by_one(store),
        found(store),
        *share_that_went_bad(store, directory / "step-00000005" / "__1_0.distcp"),
        shape_of_one_differs(store, tensors),
    ]


def saved(store: CheckpointStore, step: int, tensors: Mapping[str, Tensor]) -> str:
    try:
        store.save(step, tensors, {"step": step})
        store.wait()
    except CheckpointError as error:
        return error.code
    return "whole"


def found(store: CheckpointStore) -> str:
    newest = store.newest()
    return f"step {newest.step}" if newest is not None else "none"


def full_disks(store: CheckpointStore, tensors: Mapping[str, Tensor]) -> list[str]:
    """Each process in turn cannot write its share to the end."""
    codes = []
    for victim in range(dist.get_world_size()):
        if dist.get_rank() == victim:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        codes.append(saved(store, 2, tensors))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return codes


def disk_that_is_not_shared(store: CheckpointStore, tensors: Mapping[str, Tensor]) -> str:
    """The first process does not see what the last one writes."""
    fsync = os.fsync
    name = f"__{dist.get_world_size() - 1}_0.distcp"

    def lose(handle: int) -> None:
        fsync(handle)
        file = Path(f"/proc/self/fd/{handle}").readlink()
        if file.name == name:
            file.unlink()

    os.fsync = lose
    try:
        return saved(store, 2, tensors)
    finally:
        os.fsync = fsync


def newest_not_seen_by_one(store: CheckpointStore) -> list[str]:
    """The last process does not see the newest checkpoint yet; nobody may take it, and nobody harm it."""
    places = store._folder.places
    if dist.get_rank() == dist.get_world_size() - 1:
        store._folder.places = lambda: places()[1:]  # type: ignore[method-assign]
    codes = [found(store), *(remark.code for remark in store.remarks)]
    store._folder.places = places  # type: ignore[method-assign]
    return codes


def share_that_went_bad(store: CheckpointStore, file: Path) -> list[str]:
    """Whoever checks the file, all hear of it."""
    dist.barrier()
    if dist.get_rank() == 0:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 16
        file.write_bytes(content)
    dist.barrier()
    return [found(store), *(remark.code for remark in store.remarks)]


def shape_of_one_differs(store: CheckpointStore, tensors: Mapping[str, Tensor]) -> str:
    newest = store.newest()
    assert newest is not None
    if dist.get_rank() == 1:
        tensors = {**tensors, "model.single": torch.zeros(2)}
    try:
        store.load(newest, tensors)
    except CheckpointError as error:
        return error.code
    return "loaded"


def memory_taken(directory: Path) -> dict[str, float]:
    """How far memory grows beyond what the training holds, in parts of its state."""
    tensors = {f"model.{number}": torch.full((4_000_000,), float(number)) for number in range(4)}
    size = sum(tensor.nbytes for tensor in tensors.values())
    store = CheckpointStore(directory, keep=1)
    store.save(0, {name: tensor[:1] for name, tensor in tensors.items()}, {})  # what is imported late is imported now
    store.wait()
    taken = {}
    for step in (1, 2):
        before = restart_peak()
        store.save(step, tensors, {})
        store.wait()
        taken[f"save {step}"] = (peak() - before) / size
    newest = store.newest()
    assert newest is not None
    before = restart_peak()
    store.load(newest, tensors)
    taken["load"] = (peak() - before) / size
    return taken


def restart_peak() -> int:
    """Lets the system count the peak of resident memory anew; returns what is resident, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def lose_a_process(directory: Path) -> str:
    """The last process dies while a checkpoint is written; the others must not wait for it for ever."""
    tensors = Training(1, seed=1).tensors()
    store = CheckpointStore(directory, keep=1)
    assert saved(store, 1, tensors) == "whole"
    if dist.get_rank() == dist.get_world_size() - 1:
        os._exit(0)
    return saved(store, 2, tensors)
