"""Measure the reference program on one GPU: step time, MFU, peak memory, each beside the plan; one line of JSON.

The steps are those of ``stellwerk.training.trainer.Trainer``, whole: reading tokens, forward, loss, backward, clipping,
AdamW, and what the processes tell each other after each step. Tokens are random. MFU is stated twice, with the
formulas of peer_measure.py, so that program and peer count alike.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from peer_measure import PEAK_TFLOPS, SIZES

from stellwerk.catalog import load_catalogue
from stellwerk.planner import Layout, machine_from_accelerator, plan_layout
from stellwerk.training.build import build_decoder
from stellwerk.training.checkpoints import CheckpointStore
from stellwerk.training.model import Optimization, TrainingJob
from stellwerk.training.trainer import Trainer
from stellwerk.workload import Applicant, Architecture, Limits, Training, Workload

SEQUENCE_LENGTH = 4096


class RandomTokens:
    """A TokenSource without a text behind it."""

    sha256 = "random"

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary

    def training_sequences(self, length: int, *, first: int, count: int, seed: int) -> NDArray[np.int64]:
        return np.random.default_rng((seed, first)).integers(self.vocabulary, size=(count, length + 1))

    def held_out_sequences(self, length: int) -> NDArray[np.int64]:
        return self.training_sequences(length, first=0, count=1, seed=0)

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: list[int]) -> str:
        return " ".join(map(str, tokens))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--micro-batch", type=int, nargs="+", required=True, help="several: the first that fits")
    parser.add_argument("--micro-batches", type=int, default=1)
    parser.add_argument("--recomputation", choices=("none", "selective", "full"), default="none")
    parser.add_argument("--weight-type", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--checkpoint", action="store_true", help="also time a checkpoint")
    parser.add_argument("--accelerator", default="h200-sxm-141gb", help="of the catalogue, for the plan")
    parser.add_argument("--trace", type=Path, help="write a table of the kernels of one step there")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit(_said(arguments, {"error": "no_device", "message": "PyTorch sees no CUDA device"}))
    for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29411", "RANK": "0", "WORLD_SIZE": "1"}.items():
        os.environ.setdefault(name, value)
    dist.init_process_group("cuda:nccl,cpu:gloo" if arguments.device == "cuda" else "gloo")
    for micro_batch in arguments.micro_batch:
        try:
            record = measure(arguments, micro_batch)
        except torch.OutOfMemoryError as error:
            message = str(error).split(".")[0]
            record = {"error": "out_of_memory", "micro_batch": micro_batch, "message": message}
            torch.cuda.empty_cache()
            continue
        break
    dist.destroy_process_group()
    sys.exit(_said(arguments, record))


def _said(arguments: argparse.Namespace, record: dict[str, Any]) -> int:
    """Prints the line; returns the exit code."""
    described = {"weight_type": arguments.weight_type, "recomputation": arguments.recomputation}
    print(json.dumps({"program": "stellwerk", "size": arguments.size, **described, **record}))
    return int("error" in record)


def measure(arguments: argparse.Namespace, micro_batch: int) -> dict[str, Any]:
    size = SIZES[arguments.size]
    architecture = Architecture(
        layers=size.layers,
        hidden=size.hidden,
        heads=size.heads,
        kv_heads=size.key_value_heads,
        head_dim=size.head_dim,
        ffn_hidden=size.feed_forward,
        vocab=size.vocabulary,
        tied_embeddings=size.tied,
    )
    length = SEQUENCE_LENGTH if arguments.size != "tiny" else 64
    steps = arguments.warm_up + arguments.steps
    job = TrainingJob(
        architecture=architecture,
        processes=1,
        sequence_length=length,
        micro_batch=micro_batch,
        micro_batches=arguments.micro_batches,
        steps=steps + 2,
        compute_type="bf16",
        optimization=Optimization(learning_rate=3e-4, weight_type=arguments.weight_type),
        recomputation=arguments.recomputation,
        compile=not arguments.no_compile,
        device=arguments.device,
        spike_guard=None,
    )
    began = time.perf_counter()
    trainer = Trainer(job, build_decoder(job), RandomTokens(architecture.vocab))
    built_s = time.perf_counter() - began
    measured = []
    for step in range(steps):
        if step == arguments.warm_up and arguments.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        measured.append(trainer.take_step(False)[0])
    times = [step.step_time_s or 0.0 for step in measured[arguments.warm_up :]]
    step_time_s = statistics.median(times)
    tokens_per_s = job.tokens_per_step / step_time_s
    peak = PEAK_TFLOPS * 1e12
    weights_flops, attention_flops = 6 * size.matrix_weights, size.attention_flops_per_token(length)
    record = {
        "version": torch.__version__,
        "device": torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu",
        "weight_type": arguments.weight_type,
        "recomputation": arguments.recomputation,
        "micro_batch": micro_batch,
        "micro_batches": arguments.micro_batches,
        "step_time_s": step_time_s,
        "step_times_s": [round(value, 4) for value in times],
        "tokens_per_s": tokens_per_s,
        "mfu_6n_attention": tokens_per_s * (weights_flops + attention_flops) / peak,
        "mfu_6n": tokens_per_s * weights_flops / peak,
        "peak_memory_bytes": measured[-1].reserved_bytes,
        "peak_allocated_bytes": measured[-1].allocated_bytes,
        "losses": [round(step.loss or 0.0, 3) for step in measured],
        "build_s": round(built_s, 1),
        "first_step_s": round(measured[0].step_time_s or 0.0, 1),
        "plan": plan(job, arguments.accelerator),
    }
    if arguments.trace:
        _trace(trainer, arguments.trace)
    if arguments.checkpoint:
        record["checkpoint"] = _checkpoint(trainer)
    trainer.close()
    return record


def plan(job: TrainingJob, accelerator: str) -> dict[str, Any] | None:
    """What the planner says of this step; it plans fp32 master weights only."""
    machine = machine_from_accelerator(load_catalogue().accelerators[accelerator], modules=1, modules_per_node=1)
    if machine is None or job.optimization.weight_type != "fp32":
        return None
    task = Training(job.steps * job.tokens_per_step, job.sequence_length, job.sequences_per_step, "bf16")
    workload = Workload("bench", job.architecture, task, Limits(), Applicant("public", "DE"))
    layout = Layout(1, 1, 1, "none", job.micro_batch, job.micro_batches, job.recomputation)
    planned = plan_layout(workload, machine, layout)
    return {"step_time_s": planned.step_time_s.as_dict(), "memory_bytes": planned.memory_bytes}


def _checkpoint(trainer: Trainer) -> dict[str, float]:
    """The second of two: the first one also makes room to copy to."""
    with tempfile.TemporaryDirectory() as folder:
        store = CheckpointStore(Path(folder), keep=1)
        first_s = store.save(1, trainer.tensors(), trainer.state())
        began = time.perf_counter()
        store.wait()
        written_s = time.perf_counter() - began
        second_s = store.save(2, trainer.tensors(), trainer.state())
        step_s = trainer.take_step(False)[0].step_time_s or 0.0
        store.wait()
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return {
        "first_blocked_s": first_s,
        "blocked_s": second_s,
        "written_s": written_s,
        "step_beside_s": step_s,
        "bytes": float(size),
    }


def _trace(trainer: Trainer, path: Path) -> None:
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        trainer.take_step(False)
    table = profile.key_averages().table(sort_by="cuda_time_total", row_limit=45, max_name_column_width=90)
    path.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
