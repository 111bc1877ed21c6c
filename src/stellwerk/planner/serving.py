"""Memory and time of one replica that serves a model (docs/formulas/serving.md).

A replica is one copy of the model on ``tensor`` devices of a node, with ``batch`` requests in flight. All arrays have
shape (n,), one entry for each pair of tensor-parallel size and batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stellwerk.planner.grid import FloatArray, IntArray
from stellwerk.planner.model import Machine
from stellwerk.planner.weights import MATRIX_BYTES, weight_bytes
from stellwerk.planner.widths import layer_widths
from stellwerk.workload import (
    Architecture,
    Serving,
    count_parameters,
    flops_per_token,
    kv_cache_elements_per_token,
)

# What serving reaches, fitted with published dense training runs; docs/formulas/serving.md holds them against services.
MATMUL_SHARE = 0.74
"""Of the best matrix-product rate, reached by large products."""
HALF_RATE_BALANCES = 1.4
"""The narrowest side of a product at which half of that rate is reached, in units of the machine balance
(matrix rate over memory bandwidth, FLOPs per byte)."""
ATTENTION_SHARE = 0.48
"""Of the best matrix-product rate, reached by fused attention."""
MEMORY_SHARE = 0.76
"""Of the memory bandwidth."""
LINK_SHARE = 0.69
"""Of the link between accelerators of a node, reached by collectives."""
COLLECTIVE_LATENCY_S = 38e-6
"""Of one small all-reduce over NVLink (nccl_allreduce_measured.csv, smallest sizes)."""

SERVING_MEMORY_PARTS = ("weights", "kv_cache", "workspace", "runtime")

CACHE_BYTES = 2.0
"""Of a number in the cache of keys and values."""
ACTIVATION_BYTES = 2.0
TOKENS_AT_ONCE = 8192
"""Of prompts in one pass: longer ones are cut, shorter ones put together."""
LOGITS_BYTES = 6.0
"""Of an entry of the vocabulary and request in flight: 16-bit logits and their fp32 copy."""


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """Seconds, arrays of shape (n,)."""

    per_token: FloatArray
    """Between two tokens of an answer on average, the prompts of other requests in between included."""
    first_token: FloatArray
    """From a request to the beginning of its answer, on average."""


def replica_memory_parts(
    architecture: Architecture, serving: Serving, machine: Machine, tensor: IntArray, batch: IntArray
) -> dict[str, FloatArray]:
    """Bytes on each device of a replica, by ``SERVING_MEMORY_PARTS``; every request in flight at its full length."""
    fixed, one_request = _fixed_bytes(architecture, serving, tensor), _request_bytes(architecture, serving, tensor)
    return {
        "weights": fixed["weights"],
        "kv_cache": batch * one_request["kv_cache"],
        "workspace": fixed["workspace"] + batch * one_request["workspace"],
        "runtime": np.full(len(tensor), machine.runtime_bytes),
    }


def largest_batch(
    architecture: Architecture, serving: Serving, machine: Machine, tensor: IntArray, usable_bytes: float
) -> IntArray:
    """How many requests in flight fit ``usable_bytes`` on each device; 0 where not even the weights do."""
    fixed = sum(_fixed_bytes(architecture, serving, tensor).values()) + machine.runtime_bytes
    one_request = sum(_request_bytes(architecture, serving, tensor).values())
    return np.maximum((usable_bytes - fixed) // one_request, 0).astype(np.int64)


def answer_times(
    architecture: Architecture, serving: Serving, machine: Machine, tensor: IntArray, batch: IntArray
) -> AnswerTimes:
    """Times in the steady state of a replica that always has ``batch`` requests in flight.

    While one request lives, the replica takes a step for each token of its answer, and works through one prompt for
    each request in flight. A new prompt waits for those before it as in a queue with a constant service time (M/D/1),
    at most for those of all others.
    """
    prompt_s = _prompt_s(architecture, serving, machine, tensor)
    step_s = _step_s(architecture, serving, machine, tensor, batch)
    prompts_to_steps = batch * prompt_s / (serving.output_tokens * step_s)
    # The mean wait in M/D/1 is load / (2 (1 - load)) services; load / (1 - load) is time for prompts over the rest.
    waiting_s = np.minimum(prompts_to_steps / 2.0, batch - 1) * prompt_s
    return AnswerTimes(
        per_token=step_s + batch * prompt_s / serving.output_tokens, first_token=waiting_s + prompt_s + step_s
    )


def _fixed_bytes(architecture: Architecture, serving: Serving, tensor: IntArray) -> dict[str, FloatArray]:
    a, widths = architecture, layer_widths(architecture)
    attention_width = widths.query + widths.key_value + widths.latent
    inner_matrices = 2 if a.gated_mlp else 1
    # The residual stream, its normalised copy and the output of a block exist whole on every device.
    held = 3 * a.hidden + widths.dispatched + (attention_width + (inner_matrices + 1) * widths.ffn) / tensor
    return {
        "weights": weight_bytes(a, MATRIX_BYTES[serving.weights]) / tensor,
        "workspace": ACTIVATION_BYTES * TOKENS_AT_ONCE * held,
    }


def _request_bytes(architecture: Architecture, serving: Serving, tensor: IntArray) -> dict[str, FloatArray]:
    return {
        "kv_cache": _cached_bytes(architecture, serving.prompt_tokens + serving.output_tokens, tensor),
        "workspace": np.full(len(tensor), LOGITS_BYTES * architecture.vocab),
    }


def _cached_bytes(architecture: Architecture, context_tokens: float, tensor: IntArray) -> FloatArray:
    """Keys and values of one request on each device; layers with a window keep its tokens only.

    Key-value heads are spread over the devices, and repeated where there are fewer than devices; the narrow vector of
    latent attention serves all heads and is there whole on each.
    """
    a = architecture
    windowed_tokens = min(context_tokens, a.attention_window or context_tokens)
    tokens = ((a.layers - a.windowed_layers) * context_tokens + a.windowed_layers * windowed_tokens) / a.layers
    shards = np.ones_like(tensor) if a.latent_attention else np.minimum(tensor, a.kv_heads)
    return CACHE_BYTES * kv_cache_elements_per_token(a) * tokens / shards


def _read_bytes(architecture: Architecture, serving: Serving, batch: IntArray) -> FloatArray:
    """Of weights, read for one step of all requests in flight: everything but an embedding that is looked up only, and
    of routed experts those that a request is sent to, by chance."""
    counts, experts = count_parameters(architecture), architecture.experts
    looked_up = 0 if architecture.tied_embeddings else counts.embedding
    whole = np.full(len(batch), weight_bytes(architecture, MATRIX_BYTES[serving.weights]) - 2.0 * looked_up)
    if experts is None or experts.per_token >= experts.routed:
        return whole
    missed = 1 - experts.per_token / experts.routed
    routed_bytes = MATRIX_BYTES[serving.weights] * counts.other_experts / missed
    return np.asarray(whole - routed_bytes * missed**batch, dtype=np.float64)


def _step_s(
    architecture: Architecture, serving: Serving, machine: Machine, tensor: IntArray, batch: IntArray
) -> FloatArray:
    """One token for each request in flight: bound by memory or by computation (roofline), and the all-reduces.

    An answer is half written on average.
    """
    context_tokens = serving.prompt_tokens + serving.output_tokens / 2
    memory_bytes = _read_bytes(architecture, serving, batch) / tensor + batch * _cached_bytes(
        architecture, context_tokens, tensor
    )
    # A token that is written attends to its whole context; flops_per_token counts half of its sequence.
    flops = batch * flops_per_token(architecture, round(2 * context_tokens)).forward / tensor
    return np.maximum(
        memory_bytes / (MEMORY_SHARE * machine.memory_bandwidth_bytes_per_s),
        flops / _product_rate(architecture, serving, machine, tensor),
    ) + _all_reduces_s(architecture, machine, tensor, batch)


def _prompt_s(architecture: Architecture, serving: Serving, machine: Machine, tensor: IntArray) -> FloatArray:
    """Working through one prompt: bound by computation, since the weights are read for other tokens as well."""
    tokens = serving.prompt_tokens
    flops = flops_per_token(architecture, tokens)
    attention = flops.attention_scores + flops.attention_values
    products = tokens * (flops.forward - attention - flops.logits) + flops.logits  # logits of the last token only
    attention_rate = machine.attention_flops or machine.matmul_flops * ATTENTION_SHARE
    return (
        products / tensor / _product_rate(architecture, serving, machine, tensor)
        + tokens * attention / tensor / attention_rate
        + _all_reduces_s(architecture, machine, tensor, np.full(len(tensor), tokens))
    )


def _product_rate(architecture: Architecture, serving: Serving, machine: Machine, tensor: IntArray) -> FloatArray:
    """FLOP/s per device; in 8 bits where the weights are kept so and the accelerator can, otherwise in 16."""
    if serving.weights == "fp8" and machine.fp8_flops:
        machine = replace(machine, matmul_flops=machine.fp8_flops)
    narrowest = np.minimum(architecture.hidden, layer_widths(architecture).ffn / tensor)
    balance = machine.matmul_flops / machine.memory_bandwidth_bytes_per_s
    rate: FloatArray = machine.matmul_flops * MATMUL_SHARE * narrowest / (narrowest + HALF_RATE_BALANCES * balance)
    return rate


def _all_reduces_s(architecture: Architecture, machine: Machine, tensor: IntArray, tokens: IntArray) -> FloatArray:
    """Two a layer (Shoeybi et al. 2019, section 3), as a ring inside the node."""
    moved_bytes = 2.0 * ACTIVATION_BYTES * tokens * architecture.hidden * (tensor - 1) / tensor
    one = moved_bytes / (machine.link_bytes_per_s * LINK_SHARE) + (machine.collective_latency_s or COLLECTIVE_LATENCY_S)
    return np.where(tensor > 1, 2.0 * architecture.layers * one, 0.0)
