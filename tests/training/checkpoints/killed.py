"""Kills a process that writes checkpoints, again and again, and looks each time at what it left behind.

``python -m tests.training.checkpoints.killed DIRECTORY random|events ROUNDS SEED``; prints one line per round. torch is
imported once: the writers are forked.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from stellwerk.training.checkpoints import CheckpointStore

MOST_SECONDS = 0.12
"""A random kill comes by then: about three checkpoints after the start."""


def state(step: int) -> dict[str, torch.Tensor]:
    return {"model.weight": torch.arange(5000.0) + step, "optimizer.weight.step": torch.tensor(float(step))}


def write(directory: Path, acknowledge: int) -> None:
    """Goes on from the newest checkpoint, as a training does, and acknowledges each that ``wait`` called whole."""
    store = CheckpointStore(directory, keep=2)
    newest = store.newest()
    step = newest.step if newest is not None else 0
    while True:
        step += 1
        store.save(step, state(step), {"step": step})
        store.wait()
        os.write(acknowledge, b"%d\n" % step)


def check(directory: Path, acknowledged: int) -> int:
    """The step of the newest checkpoint, which loads and is not older than the last acknowledged one."""
    store = CheckpointStore(directory, keep=2)
    newest = store.newest()
    assert not store.remarks, f"a checkpoint that is not whole has its name: {store.remarks}"
    if newest is None:
        assert acknowledged == 0, f"step {acknowledged} was acknowledged, and nothing is left"
        return 0
    assert newest.step >= acknowledged, f"step {acknowledged} was acknowledged, {newest.step} is the newest"
    tensors = {name: torch.zeros_like(tensor) for name, tensor in state(0).items()}
    assert store.load(newest, tensors) == {"step": newest.step}
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in state(newest.step).items())
    return newest.step


def killed_round(directory: Path, before: int, prepare: Callable[[], None], delay_s: float | None) -> tuple[int, bool]:
    """(step of the newest checkpoint afterwards, whether the writer was killed by the signal)."""
    reading, acknowledge = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.close(reading)
        prepare()
        try:
            write(directory, acknowledge)
        finally:
            os._exit(1)
    os.close(acknowledge)
    if delay_s is not None:
        time.sleep(delay_s)
        os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    with os.fdopen(reading) as lines:
        acknowledged = [int(line) for line in lines]
    step = check(directory, acknowledged[-1] if acknowledged else before)
    return step, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def die_at_event(number: int) -> Callable[[], None]:
    """Kills this process right before the ``number``-th thing that it does to the disk."""

    def prepare() -> None:
        left = number

        def counted(action: Callable[..., Any]) -> Callable[..., Any]:
            def instead(*arguments: Any, **named: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return action(*arguments, **named)

            return instead

        for place, name in (
            (os, "fsync"),
            (os, "rmdir"),
            (os, "unlink"),
            (Path, "mkdir"),
            (Path, "rename"),
            (Path, "unlink"),
            (shutil, "rmtree"),
        ):
            setattr(place, name, counted(getattr(place, name)))

    return prepare


def main() -> None:
    directory, mode, rounds, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(1)
    draw = random.Random(seed)  # noqa: S311
    step = 0
    for number in range(1, rounds + 1):
        if mode == "random":
            step, killed = killed_round(directory, step, lambda: None, draw.uniform(0, MOST_SECONDS))
        else:
            step, killed = killed_round(directory, step, die_at_event(number), None)
        assert killed, f"round {number}: the writer ended by itself"
        print(number, step, flush=True)


if __name__ == "__main__":
    main()
