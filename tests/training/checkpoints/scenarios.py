"""What the processes of a test do; imported once by the server that they are forked from."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
from collections.abc import Mapping
from pathlib import Path

import torch
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
    rank = dist.get_rank()
    training = Training(1, seed=1)
    tensors = training.tensors()
    store = CheckpointStore(directory, keep=1)
    codes = []

    def save(step: int) -> None:
        try:
            store.save(step, tensors, {"step": step})
            store.wait()
            codes.append("whole")
        except CheckpointError as error:
            codes.append(error.code)

    save(1)
    for victim in range(dist.get_world_size()):
        if rank == victim:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        save(2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        codes.append(sorted(path.name for path in directory.iterdir())[-1])
        dist.barrier()

    # A disk that is not shared: what the last process writes, the first one does not see.
    share = directory / ".writing-step-00000002" / f"__{dist.get_world_size() - 1}_0.distcp"
    fsync = os.fsync

    def lose(handle: int) -> None:
        fsync(handle)
        if share.exists() and os.readlink(f"/proc/self/fd/{handle}") == str(share):
            share.unlink()

    os.fsync = lose
    save(2)
    os.fsync = fsync
    save(4)

    # The last process does not see the newest one; nobody takes it, and nobody harms it.
    store = CheckpointStore(directory, keep=9)
    store.save(5, tensors, {})
    store.wait()
    seen = store._folder.places
    if rank == dist.get_world_size() - 1:
        store._folder.places = lambda: [place for place in seen() if place.step != 5]  # type: ignore[method-assign]
    codes += [found(store), *(remark.code for remark in store.remarks)]
    store._folder.places = seen  # type: ignore[method-assign]
    codes.append(found(store))

    # A share went bad: whoever checks it, all hear of it.
    dist.barrier()
    if rank == 0:
        broken = directory / "step-00000005" / "__1_0.distcp"
        content = bytearray(broken.read_bytes())
        content[len(content) // 2] ^= 16
        broken.write_bytes(content)
    dist.barrier()
    codes += [found(store), *(remark.code for remark in store.remarks)]

    # One process asks for a tensor of another shape.
    newest = store.newest()
    assert newest is not None
    if rank == 1:
        tensors = {**tensors, "model.single": torch.zeros(2)}
    try:
        store.load(newest, tensors)
    except CheckpointError as error:
        codes.append(error.code)
    return codes


def found(store: CheckpointStore) -> str:
    newest = store.newest()
    return f"step {newest.step}" if newest is not None else "none"


def lose_a_process(directory: Path) -> str:
    """The last process is killed while its checkpoint is written; the others must not wait for it for ever."""
    training = Training(1, seed=1)
    store = CheckpointStore(directory, keep=1)
    store.save(1, training.tensors(), {})
    store.wait()
    if dist.get_rank() == dist.get_world_size() - 1:
        os._exit(errno.EPIPE)
    store.save(2, training.tensors(), {})
    try:
        store.wait()
    except CheckpointError as error:
        return error.code
    return "whole"
