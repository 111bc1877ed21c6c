"""What the peers have in common: the options, the models' sizes, the clock, the memory, MFU, and one line of JSON.

A peer builds its model and hands back a function that takes one optimizer step; this module calls it, so every peer is
timed in the same way. The step is whole: forward, loss, backward, clipping of the gradient's norm, AdamW, gradients
set to None. Tokens are random and lie on the device before the clock starts.

Floating-point operations per token (a multiplication and an addition count as two)::

    N         = weights of all matrix products, the output head with them (once, tied or not),
                without the input embedding, which is looked up, and without norms
    6N        = 2N forward, 4N backward
    attention = 6 * layers * sequence_length * heads * head_dim
                forward: 2 * 2 * sequence_length * heads * head_dim, half of it because attention is causal; backward
                twice that

    mfu_6n_attention = (6N + attention) * tokens_per_s / peak
    mfu_6n           = 6N * tokens_per_s / peak

Recomputation does not count: MFU asks what the training needs, not what the device was made to do. The peak defaults
to 989.4 TFLOP/s, dense bf16 of H100 SXM and H200 SXM in NVIDIA's data sheets.

Step times are taken between CUDA events that follow one another on the stream, without waiting for the device from
step to step; the wall clock over all measured steps, read after waiting for the device, stands beside them. On a
processor the wall clock counts alone.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

PEAK_TFLOPS = 989.4
VOCABULARY = 128_256
BATCHES = 4
"""Different batches of random tokens that the steps take in turn."""

Step = Callable[[torch.Tensor], torch.Tensor]
"""Takes tokens (sequences, sequence length + 1), makes one optimizer step, returns the loss without waiting for it."""


@dataclass(frozen=True, slots=True)
class Size:
    """A decoder in the manner of Llama 3."""

    layers: int
    hidden: int
    heads: int
    key_value_heads: int
    feed_forward: int
    vocabulary: int = VOCABULARY
    tied: bool = True

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    @property
    def matrix_weights(self) -> int:
        attention = 2 * self.hidden * (self.heads + self.key_value_heads) * self.head_dim
        return self.layers * (attention + 3 * self.hidden * self.feed_forward) + self.vocabulary * self.hidden

    def attention_flops_per_token(self, sequence_length: int) -> int:
        return 6 * self.layers * sequence_length * self.heads * self.head_dim


SIZES = {
    "tiny": Size(layers=2, hidden=64, heads=4, key_value_heads=2, feed_forward=128, vocabulary=512),
    "1b": Size(layers=16, hidden=2048, heads=32, key_value_heads=8, feed_forward=8192),
    "3b": Size(layers=28, hidden=3072, heads=24, key_value_heads=8, feed_forward=8192),
    "8b": Size(layers=32, hidden=4096, heads=32, key_value_heads=8, feed_forward=14_336, tied=False),
}
"""1b and 3b are Llama 3.2, 8b is Llama 3.1: the sizes in the config.json of the published models."""


class Unsupported(Exception):
    """What was asked for, this peer cannot do; the message says why."""


def options(description: str) -> argparse.ArgumentParser:
    """The options that all peers take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--sequence-length", type=int, default=4096)
    parser.add_argument(
        "--micro-batch", type=int, nargs="+", required=True, help="sequences; several: the first that fits in memory"
    )
    parser.add_argument("--recomputation", choices=("none", "selective", "full"), default="none")
    parser.add_argument("--weight-type", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--state-type", choices=("bf16", "fp32"), default=None, help="of AdamW; None: as the weights")
    parser.add_argument("--gradient-clip", type=float, default=1.0)
    parser.add_argument("--warm-up", type=int, default=3, help="steps that do not count, compiling among them")
    parser.add_argument("--steps", type=int, default=6, help="measured steps")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--peak-tflops", type=float, default=PEAK_TFLOPS)
    parser.add_argument("--seed", type=int, default=1)
    return parser


def weight_type(arguments: argparse.Namespace) -> torch.dtype:
    """The type of weights and AdamW's moments. PyTorch's fused AdamW keeps the moments in the type of the weights."""
    if arguments.state_type not in (None, arguments.weight_type):
        raise Unsupported(
            f"state type {arguments.state_type} beside weight type {arguments.weight_type}: "
            "PyTorch's fused AdamW keeps its moments in the type of the weights"
        )
    return torch.bfloat16 if arguments.weight_type == "bf16" else torch.float32


def optimizer_step(
    parameters: list[torch.nn.Parameter], arguments: argparse.Namespace, loss: Callable[[torch.Tensor], torch.Tensor]
) -> Step:
    """A step around ``loss`` (of a batch of tokens): backward, clipping, fused AdamW."""
    optimizer = torch.optim.AdamW(parameters, lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)

    def step(tokens: torch.Tensor) -> torch.Tensor:
        value = loss(tokens)
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, arguments.gradient_clip, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return value.detach()

    return step


def _measure(step: Step, arguments: argparse.Namespace, micro_batch: int) -> dict[str, Any]:
    size, cuda = SIZES[arguments.size], arguments.device == "cuda"
    wait = torch.cuda.synchronize if cuda else (lambda: None)
    generator = torch.Generator(device=arguments.device).manual_seed(arguments.seed)
    batches = [
        torch.randint(
            size.vocabulary,
            (micro_batch, arguments.sequence_length + 1),
            generator=generator,
            device=arguments.device,
        )
        for _ in range(BATCHES)
    ]

    start = time.perf_counter()
    first_loss = step(batches[0])
    for index in range(1, arguments.warm_up):
        step(batches[index % BATCHES])
    wait()
    warm_up_s = time.perf_counter() - start

    marks: list[Any] = []
    start = time.perf_counter()
    for index in range(arguments.steps + 1):
        if cuda:
            marks.append(torch.cuda.Event(enable_timing=True))
            marks[-1].record()
        else:
            marks.append(time.perf_counter())
        if index < arguments.steps:
            last_loss = step(batches[index % BATCHES])
    wait()
    wall_s = time.perf_counter() - start
    times_s = [a.elapsed_time(b) / 1000 if cuda else b - a for a, b in itertools.pairwise(marks)]

    tokens = micro_batch * arguments.sequence_length
    step_time_s = statistics.median(times_s)
    needed = 6 * size.matrix_weights
    with_attention = needed + size.attention_flops_per_token(arguments.sequence_length)
    peak = arguments.peak_tflops * 1e12
    return {
        "step_time_s": step_time_s,
        "step_times_s": [round(each, 6) for each in times_s],
        "wall_time_per_step_s": wall_s / arguments.steps,
        "tokens_per_step": tokens,
        "tokens_per_s": tokens / step_time_s,
        "mfu_6n_attention": with_attention * tokens / step_time_s / peak,
        "mfu_6n": needed * tokens / step_time_s / peak,
        "flops_per_token": with_attention,
        "warm_up_s": warm_up_s,
        "first_loss": float(first_loss),
        "last_loss": float(last_loss),
        "peak_memory_bytes": torch.cuda.max_memory_reserved() if cuda else None,
        "peak_allocated_bytes": torch.cuda.max_memory_allocated() if cuda else None,
        "allocation_retries": torch.cuda.memory_stats()["num_alloc_retries"] if cuda else None,
    }


def _memory_error(error: BaseException | None) -> BaseException | None:
    """The error which says that the device's memory was too small: this one, or one that it was raised from."""
    while error is not None:
        text = str(error)
        if isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "_STATUS_ALLOC_FAILED" in text:
            return error
        error = error.__cause__ or error.__context__
    return None


def _attempt(
    build: Callable[[argparse.Namespace], Step], arguments: argparse.Namespace, micro_batch: int
) -> dict[str, Any]:
    """The measurement, or what went wrong; nothing of the model outlives this call."""
    try:
        if arguments.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        torch.manual_seed(arguments.seed)
        start = time.perf_counter()
        step = build(arguments)
        build_s = time.perf_counter() - start
        return {"build_s": build_s} | _measure(step, arguments, micro_batch)
    except Unsupported as error:
        return {"error": "unsupported", "message": str(error)}
    except Exception as error:
        if memory_error := _memory_error(error):
            return {"error": "out_of_memory", "message": str(memory_error).splitlines()[0][:400]}
        traceback.print_exc()
        return {"error": "failed", "message": f"{type(error).__name__}: {str(error)[:400]}"}


def main(
    program: str,
    version: Mapping[str, str],
    build: Callable[[argparse.Namespace], Step],
    arguments: argparse.Namespace,
    details: Mapping[str, Any],
) -> int:
    """Measure and print one line of JSON: of the first micro-batch that fits, or the error of the last one tried."""
    size = SIZES[arguments.size]
    cuda = arguments.device == "cuda"
    if cuda and not torch.cuda.is_available():
        result: dict[str, Any] = {"error": "no_device", "message": "PyTorch sees no CUDA device"}
        micro_batch = arguments.micro_batch[0]
    else:
        for micro_batch in arguments.micro_batch:
            result = _attempt(build, arguments, micro_batch)
            if result.get("error") != "out_of_memory":
                break
            torch._dynamo.reset()
            gc.collect()
            if cuda:
                torch.cuda.empty_cache()
    described = {
        "program": program,
        "version": dict(version) | {"torch": torch.__version__},
        "device": torch.cuda.get_device_name() if cuda and torch.cuda.is_available() else arguments.device,
        "size": arguments.size,
        "matrix_weights": size.matrix_weights,
        "sequence_length": arguments.sequence_length,
        "micro_batch": micro_batch,
        "recomputation": arguments.recomputation,
        "weight_type": arguments.weight_type,
        "state_type": arguments.state_type or arguments.weight_type,
        "peak_tflops": arguments.peak_tflops,
    }
    print(json.dumps(described | dict(details) | result), flush=True)
    return 1 if "error" in result else 0


if __name__ == "__main__":
    sys.exit("this is what the peers share; start one of them: peer_transformers.py, peer_torchtitan.py")
