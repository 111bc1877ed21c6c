"""What a checkpoint costs the training of examples/first-run.toml: how long it blocks, and what writing it takes.

    OMP_NUM_THREADS=1 python -m torch.distributed.run --nproc-per-node 2 benchmarks/checkpoints.py FOLDER

The time of the processor is given beside that of the clock: on a machine that others use as well, the first says what
writing takes away from the steps, the second only how busy the machine is.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist

from stellwerk.dataset import german_excerpt
from stellwerk.training.build import build_decoder
from stellwerk.training.checkpoints import CheckpointStore
from stellwerk.training.memory import peak_memory_bytes
from stellwerk.training.model import TrainingJob
from stellwerk.training.trainer import Trainer
from stellwerk.workload import read_workload

STEPS_PER_CHECKPOINT = 4
ROUNDS = 6


def main() -> None:
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    workload = read_workload(Path("examples/first-run.toml"))
    job = TrainingJob(workload.architecture, dist.get_world_size(), 256, 4, 1, 1000, "bf16")
    trainer = Trainer(job, build_decoder(job), german_excerpt())
    trainer.take_step(asked_to_stop=False)
    base_memory = peak_memory_bytes()
    store = CheckpointStore(Path(tempfile.mkdtemp(dir=sys.argv[1])), keep=2)
    first_s = store.save(0, trainer.tensors(), {})
    store.wait()
    grown = peak_memory_bytes() - base_memory
    blocked: list[float] = []
    numbers = iter(range(1, 1_000_000))

    def save() -> None:
        blocked.append(store.save(next(numbers), trainer.tensors(), {}))

    def steps(saving: bool) -> None:
        if saving:
            save()
        for _ in range(STEPS_PER_CHECKPOINT):
            trainer.take_step(asked_to_stop=False)
        store.wait()

    alone, plain, beside = [], [], []
    for _ in range(ROUNDS):
        alone.append(_times(lambda: (save(), store.wait())))
        plain.append(_times(lambda: steps(False)))
        beside.append(_times(lambda: steps(True)))
    if dist.get_rank() == 0:
        size = sum(tensor.nbytes for tensor in trainer.tensors().values())
        print(f"state: {size / 1e6:.1f} MB in {len(trainer.tensors())} tensors, {dist.get_world_size()} processes")
        print(f"blocked: first {first_s * 1e3:.1f} ms, median {statistics.median(blocked) * 1e3:.1f} ms, ", end="")
        print(f"most {max(blocked) * 1e3:.1f} ms of {len(blocked)}")
        print(f"peak memory grew by {grown / 1e6:.1f} MB per process at the first checkpoint")
        for name, times in (
            ("a checkpoint alone", alone),
            (f"{STEPS_PER_CHECKPOINT} steps", plain),
            (f"{STEPS_PER_CHECKPOINT} steps and a checkpoint", beside),
        ):
            clock, processor = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
            print(f"{name}: {clock:.0f} ms by the clock, {processor:.0f} ms of the processor per process")
    trainer.close()
    dist.destroy_process_group()


def _times(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of this process's processor time, all processes starting together."""
    dist.barrier()
    clock, processor = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - clock, time.process_time() - processor


if __name__ == "__main__":
    main()
