"""Two processes under torchrun take steps of a sharded model and write what the profiler saw of one."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard

from stellwerk.training.profile import profile_step

WIDTH = 256


def main() -> None:
    dist.init_process_group("gloo")
    model = nn.Sequential(*[nn.Linear(WIDTH, WIDTH) for _ in range(4)])
    for layer in model:
        fully_shard(layer)
    fully_shard(model)

    def run_step() -> float:
        """The second process is late; the first waits for it in a collective."""
        data_s = 0.2 * dist.get_rank()
        time.sleep(data_s)
        model(torch.randn(64, WIDTH)).sum().backward()
        model.zero_grad()
        return data_s

    run_step()
    plain = []
    for _ in range(3):
        started = time.perf_counter()
        run_step()
        plain.append(time.perf_counter() - started)
    started = time.perf_counter()
    profile = profile_step(run_step, step=7, device="cpu")
    looked_s = time.perf_counter() - started
    if dist.get_rank() == 0:
        record = {"profile": asdict(profile), "plain_s": min(plain), "looked_s": looked_s}
        Path(sys.argv[1]).write_text(json.dumps(record), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
