"""Measures, in a few seconds, the rates of this machine that a plan rests on.

``python -m torch.distributed.run --nproc-per-node N -m stellwerk.training.measure --job FILE --out FILE`` runs in N
processes at once, because they share memory, caches and clock as the training will. It times operations one at a
time; the training step that the plan predicts is not among them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from stellwerk.training.decoder.transformer import DecoderLayer, rotary_tables
from stellwerk.training.files import read_job, write_json
from stellwerk.training.memory import machine_memory_bytes, peak_memory_bytes
from stellwerk.training.model import ComputeType, Device, ModelDetails, Rates, TrainingJob
from stellwerk.training.parallel import TORCH_TYPES, join_process_group
from stellwerk.workload.model import Architecture

SECONDS_PER_MEASUREMENT = 0.4
LEAST_REPEATS = 5
SQUARE: dict[Device, int] = {"cpu": 1536, "cuda": 8192}
"""Side of the large matrix product."""
MOST_TOKENS = 4096
"""Enough for a full matrix product; more would only make measuring slow."""


def main() -> None:
    """Entry point of one process; the first one writes the rates."""
    parser = argparse.ArgumentParser(prog="stellwerk.training.measure")
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    job = read_job(arguments.job)
    join_process_group(job.device)
    torch.set_default_device(job.device)
    try:
        rates = measure_rates(job)
        if dist.get_rank() == 0:
            write_json(arguments.out, rates)
    finally:
        dist.destroy_process_group()


def measure_rates(job: TrainingJob) -> Rates:
    """The rates at the shapes of ``job``; needs the process group."""
    runtime_bytes, memory_bytes = _memory(job)
    best = {compute_type: _square_flops(SQUARE[job.device], dtype) for compute_type, dtype in TORCH_TYPES.items()}
    compute_type: ComputeType = "bf16" if best["bf16"] >= best["fp32"] else "fp32"
    dtype = TORCH_TYPES[compute_type]
    model_flops = _linear_layers_flops(job, dtype)
    return Rates(
        processes=job.processes,
        cores=_usable_cores(),
        memory_bytes=memory_bytes,
        runtime_bytes=runtime_bytes,
        compute_type=compute_type,
        best_matmul_flops=max(best[compute_type], model_flops),
        model_matmul_flops=model_flops,
        attention_flops=_attention_flops(job, dtype),
        memory_bandwidth_bytes_per_s=_memory_bandwidth(job, dtype),
        link_bytes_per_s=_link_bandwidth(job, dtype),
        collective_latency_s=_typical_time(_all_reduce_one_number),
        layer_overhead_s=_layer_overhead(),
        torch_version=torch.__version__,
    )


def _memory(job: TrainingJob) -> tuple[int, int]:
    """(what is taken before the first tensor, all there is): of the accelerators together, or of this machine."""
    if job.device == "cpu":
        return peak_memory_bytes(), machine_memory_bytes()
    free, total = torch.cuda.mem_get_info()
    return total - free, total * job.processes


def _square_flops(side: int, dtype: torch.dtype) -> float:
    left, right = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    return 2 * side**3 / _typical_time(lambda: left @ right)


def _linear_layers_flops(job: TrainingJob, dtype: torch.dtype) -> float:
    """All linear layers of one decoder layer, each by itself on the tokens of a micro-batch: one product forward,
    two backward."""
    tokens = _tokens(job)
    linears = [part.to(dtype) for part in DecoderLayer(job.architecture).modules() if isinstance(part, nn.Linear)]
    inputs = [torch.randn(tokens, linear.in_features).to(dtype).requires_grad_() for linear in linears]
    gradients = [torch.randn(tokens, linear.out_features).to(dtype) for linear in linears]

    def products() -> None:
        for linear, given, gradient in zip(linears, inputs, gradients, strict=True):
            linear(given).backward(gradient)

    flops = 3 * sum(2 * tokens * linear.in_features * linear.out_features for linear in linears)
    return flops / _typical_time(products)


def _attention_flops(job: TrainingJob, dtype: torch.dtype) -> float:
    """Causal attention by itself on a micro-batch; the backward pass counts as two and a half forward passes, as the
    planner counts it."""
    a = job.architecture

    def heads(count: int) -> torch.Tensor:
        shape = (job.micro_batch, count, job.sequence_length, a.head_dim)
        return torch.randn(shape).to(dtype).requires_grad_()

    query, key, value = heads(a.heads), heads(a.kv_heads), heads(a.kv_heads)
    gradient = torch.randn_like(query)

    def attend() -> None:
        nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True).backward(
            gradient
        )

    forward_flops = 2 * job.micro_batch * job.sequence_length**2 * a.heads * a.head_dim
    return (1 + 2.5) * forward_flops / _typical_time(attend)


def _memory_bandwidth(job: TrainingJob, dtype: torch.dtype) -> float:
    """Two tensors read, one written."""
    left = torch.randn(_tokens(job), job.architecture.ffn_hidden).to(dtype)
    right, result = left.clone(), torch.empty_like(left)
    return 3 * left.nbytes / _typical_time(lambda: torch.mul(left, right, out=result))


def _link_bandwidth(job: TrainingJob, dtype: torch.dtype) -> float:
    """Two gatherings of one layer's weights and one reduction of its gradients, as fully sharded training does;
    of each, a process sends (n - 1)/n."""
    with torch.device("meta"):
        parameters = sum(parameter.numel() for parameter in DecoderLayer(job.architecture).parameters())
    share = -(-parameters // job.processes)
    weights_share = torch.zeros(share, dtype=dtype)
    weights = torch.zeros(share * job.processes, dtype=dtype)
    gradients_share = torch.zeros(share)
    gradients = torch.zeros(share * job.processes)
    # torch 2.13 renamed both.
    gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
    reduce = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
    sent_bytes = (2 * weights.nbytes + gradients.nbytes) * (job.processes - 1) / job.processes

    def collectives() -> None:
        gather(weights, weights_share)
        gather(weights, weights_share)
        reduce(gradients_share, gradients)

    return sent_bytes / _typical_time(collectives)


def _all_reduce_one_number() -> None:
    dist.all_reduce(torch.zeros(1))


def _layer_overhead() -> float:
    """A layer with all sizes at their least, on one token."""
    smallest = Architecture(layers=1, hidden=2, heads=1, kv_heads=1, head_dim=2, ffn_hidden=2, vocab=2)
    layer = DecoderLayer(smallest)
    cosine, sine = rotary_tables(2, 1, ModelDetails())
    token, balance = torch.ones(1, 1, 2, requires_grad=True), torch.zeros(())
    return _typical_time(lambda: layer(token, balance, cosine, sine)[0].sum().backward())


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tokens(job: TrainingJob) -> int:
    return min(job.micro_batch * job.sequence_length, MOST_TOKENS)


def _typical_time(action: Callable[[], object]) -> float:
    """Median seconds of ``action``, all processes at once, after one run to warm up; the slowest process counts.

    The number of repeats is agreed on first, because some actions need every process.
    """
    _time(action)
    once = _slowest(_time(action))
    repeats = max(LEAST_REPEATS, int(SECONDS_PER_MEASUREMENT / max(once, 1e-4)))
    return _slowest(statistics.median(_time(action) for _ in range(repeats)))


def _time(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _slowest(seconds: float) -> float:
    longest = torch.tensor([seconds], dtype=torch.float64)
    dist.all_reduce(longest, op=dist.ReduceOp.MAX)
    return float(longest)


if __name__ == "__main__":
    main()
