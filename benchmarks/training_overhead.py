"""What the reference program adds around the model's own step, run by torchrun on the sizes of examples/first-run.toml.

The model's own step is forward, loss, backward, clipping and optimizer. The rest of each step is what the program adds:
waiting for tokens, the exchange between processes, the guard, the metrics file, the look for a request to stop. A
process that has to wait in the exchange waits for the other's model, so the process with the least counts.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from stellwerk.dataset import german_excerpt
from stellwerk.training import trainer as module
from stellwerk.training.build import build_decoder
from stellwerk.training.metrics import open_metrics, write_metrics
from stellwerk.training.model import TrainingJob
from stellwerk.training.stop import StopRequest
from stellwerk.training.trainer import Trainer
from stellwerk.workload import Architecture

WARM_UP, STEPS = 5, 40


def main() -> None:
    dist.init_process_group("gloo")
    job = TrainingJob(
        architecture=Architecture(4, 192, 3, 3, 64, 512, 256),
        processes=dist.get_world_size(),
        sequence_length=256,
        micro_batch=4,
        micro_batches=1,
        steps=WARM_UP + STEPS,
        compute_type="fp32",
    )
    trainer, stop = Trainer(job, build_decoder(job), german_excerpt()), StopRequest()
    spent = [0.0]

    def timed(part: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return part(*arguments, **options)
            finally:
                spent[0] += time.perf_counter() - began

        return run

    trainer._gradients = timed(trainer._gradients)  # type: ignore[method-assign]
    module.clip_gradients = timed(module.clip_gradients)
    trainer.optimizer.step = timed(trainer.optimizer.step)  # type: ignore[method-assign]
    trainer.optimizer.zero_grad = timed(trainer.optimizer.zero_grad)  # type: ignore[method-assign]
    shares = []
    with tempfile.TemporaryDirectory() as folder, open_metrics(Path(folder) / "metrics.jsonl") as file:
        for _ in range(job.steps):
            spent[0], began = 0.0, time.perf_counter()
            step, _ = trainer.take_step(stop.heard())
            write_metrics(file, step)
            shares.append(1 - spent[0] / (time.perf_counter() - began))
    trainer.close()
    own = torch.tensor([statistics.median(shares[WARM_UP:])], dtype=torch.float64)
    dist.all_reduce(own, op=dist.ReduceOp.MIN)
    if dist.get_rank() == 0:
        print(json.dumps({"overhead_share": float(own)}))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
