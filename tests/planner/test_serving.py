from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from stellwerk.planner import Machine, search_serving
from stellwerk.planner.serving import AnswerTimes, answer_times, largest_batch, replica_memory_parts
from stellwerk.planner.weights import MATRIX_BYTES
from stellwerk.workload import Architecture, Serving, WeightFormat, published_models
from tests.planner import examples

# Per layer: q and o 1,048,576 each, k and v 262,144 each, feed-forward 3 x 4,194,304; ten layers 152,043,520. Embedding
# and output head 1,024,000 each, 21 norms of 1,024.
SMALL = Architecture(layers=10, hidden=1024, heads=8, kv_heads=2, head_dim=128, ffn_hidden=4096, vocab=1000)
MATRICES, ENDS, NORMS = 152_043_520, 2_048_000, 21_504
ONE, TWO = np.asarray([1]), np.asarray([2])


def serving(**values: object) -> Serving:
    usual = {
        "users": 100, "concurrent_requests": 10, "prompt_tokens": 600, "output_tokens": 200, "tokens_per_s": 10.0,
        "first_token_s": 5.0, "weights": "bf16", "duration_s": 3600.0,
    }  # fmt: skip
    return Serving(**(usual | values))  # type: ignore[arg-type]


def times(machine: Machine, batch: int, tensor: int = 1, **values: object) -> AnswerTimes:
    return answer_times(SMALL, serving(**values), machine, np.asarray([tensor]), np.asarray([batch]))


def memory(architecture: Architecture, asked: Serving, tensor: int = 1, batch: int = 1) -> dict[str, float]:
    parts = replica_memory_parts(architecture, asked, examples.machine(), np.asarray([tensor]), np.asarray([batch]))
    return {name: float(values[0]) for name, values in parts.items()}


@pytest.fixture
def bound_by_memory(machine: Machine) -> Machine:
    """10^12 bytes/s after the achieved share; computing costs nothing."""
    return replace(machine, memory_bandwidth_bytes_per_s=1e12 / 0.76, matmul_flops=1e30, attention_flops=1e30)


@pytest.fixture
def bound_by_computation(machine: Machine) -> Machine:
    """10^12 FLOP/s after the achieved share; memory costs nothing."""
    return replace(machine, memory_bandwidth_bytes_per_s=1e40, matmul_flops=1e12 / 0.74, attention_flops=1e12)


def test_a_step_bound_by_memory_worked_out_by_hand(bound_by_memory: Machine) -> None:
    """Read once for all: 2 (152,043,520 + 1,024,000 + 21,504) = 306,178,048 bytes of matrices, head and norms.

    For each of ten requests: 2 bytes x 10 layers x 2 x 2 heads x 128 = 10,240 bytes a token, 700 tokens on average
    (prompt 1, half of the answer 699): 7,168,000. Together 377,858,048 bytes, 0.378 ms at 10^12 bytes/s.
    """
    answered = times(bound_by_memory, batch=10, prompt_tokens=1, output_tokens=1398)
    assert answered.per_token[0] == pytest.approx(377_858_048 / 1e12, rel=1e-4)


def test_prompts_and_steps_bound_by_computation_worked_out_by_hand(bound_by_computation: Machine) -> None:
    """Prompt: 2 x 152,043,520 x 600 = 182.452 GFLOP of products, logits of the last token 0.002, attention
    4 x 10 layers x 300 x 1,024 x 600 = 7.373: 189.827 GFLOP, 0.1898 s.

    Step of four requests: 4 x (2 x 152,043,520 + 2,048,000 + 4 x 10 x 700 x 1,024) = 1.33923 GFLOP, 0.00134 s. A token:
    0.00134 + 4 x 0.1898 / 200 = 0.0051358 s. Four prompts take 0.75931 s, 200 steps 0.26785 s: a prompt waits for
    0.75931 / 0.26785 / 2 = 1.41745 others, fewer than three, and the answer begins after 2.41745 x 0.18983 + 0.00134 s.
    A request alone waits for none.
    """
    answered = times(bound_by_computation, batch=4)
    assert answered.per_token[0] == pytest.approx(0.0051357697, rel=1e-6)
    assert answered.first_token[0] == pytest.approx(0.460237, rel=1e-4)
    assert times(bound_by_computation, batch=1).first_token[0] == pytest.approx(0.189827 + 0.000334807, rel=1e-5)


def test_weights_by_format() -> None:
    """The layers' matrices in 2, 1, or half a byte with 20 bits for 128 of them; the rest in 2 bytes."""
    kept = 2 * (ENDS + NORMS)
    for weights, matrix_bytes in (("bf16", 2), ("fp8", 1), ("int4", 0.5 + 20 / 8 / 128)):
        assert memory(SMALL, serving(weights=weights))["weights"] == pytest.approx(matrix_bytes * MATRICES + kept)


def test_the_cache_of_llama_3_1_70b_is_320_kib_a_token() -> None:
    architecture = published_models()["llama-3.1-70b"].architecture
    parts = memory(architecture, serving(prompt_tokens=2000, output_tokens=500), batch=3)
    assert parts["kv_cache"] == 3 * 2500 * 320 * 1024


def test_key_value_heads_are_repeated_where_there_are_fewer_than_devices() -> None:
    alone, two, eight = (memory(SMALL, serving(), tensor)["kv_cache"] for tensor in (1, 2, 8))
    assert alone == 2 * two == 2 * eight


def test_layers_with_a_window_keep_its_tokens_only() -> None:
    windowed = replace(SMALL, attention_window=200, windowed_layers=5)
    whole = memory(SMALL, serving())["kv_cache"]
    assert memory(windowed, serving())["kv_cache"] == pytest.approx(whole * (5 * 800 + 5 * 200) / (10 * 800))


def test_the_largest_batch_just_fits() -> None:
    usable = 4e9
    batch = int(largest_batch(SMALL, serving(), examples.machine(), ONE, usable)[0])
    assert sum(memory(SMALL, serving(), batch=batch).values()) <= usable
    assert sum(memory(SMALL, serving(), batch=batch + 1).values()) > usable
    assert largest_batch(SMALL, serving(), examples.machine(), ONE, 1e9)[0] == 0


def test_eight_bits_are_computed_in_eight_only_where_the_accelerator_can(bound_by_computation: Machine) -> None:
    sixteen = times(bound_by_computation, 1)
    without = times(bound_by_computation, 1, weights="fp8")
    fast = replace(bound_by_computation, fp8_flops=2 * bound_by_computation.matmul_flops)
    assert without.first_token[0] == sixteen.first_token[0]
    assert times(fast, 1, weights="fp8").first_token[0] < sixteen.first_token[0]
    assert times(fast, 1, weights="int4").first_token[0] == sixteen.first_token[0]


def test_narrow_weights_are_read_in_their_format_everywhere(bound_by_memory: Machine) -> None:
    bf16, fp8, int4 = (times(bound_by_memory, 1, weights=weights).per_token[0] for weights in ("bf16", "fp8", "int4"))
    assert int4 < fp8 < bf16


def test_tensor_parallelism_costs_two_all_reduces_a_layer_and_token(machine: Machine) -> None:
    free = replace(machine, memory_bandwidth_bytes_per_s=1e40, matmul_flops=1e40, attention_flops=1e40)
    silent = replace(free, link_bytes_per_s=1e30, collective_latency_s=20e-6)
    per_token = times(silent, 1, tensor=2, output_tokens=10**6).per_token[0]
    assert per_token == pytest.approx(2 * SMALL.layers * silent.collective_latency_s, rel=1e-4)
    assert times(free, 1, tensor=1).per_token[0] == pytest.approx(0.0, abs=1e-12)


def test_requests_per_second_follow_from_littles_law(machine: Machine) -> None:
    """Answers begun per second times the time each takes is the number in flight; devices are never idle."""
    workload = replace(examples.workload(), architecture=SMALL, task=serving(concurrent_requests=64))
    plan = search_serving(workload, machine).choose()
    assert plan is not None
    requests_per_s = plan.tokens_per_s.best / 200
    assert requests_per_s * 200 * plan.time_per_token_s.best == pytest.approx(64)


# Published: Llama 3.3 70B in 8 bits on two H100, 5,000 tokens in, 500 out (docs/formulas/serving.md says where).
H100 = replace(
    examples.machine(), devices_per_node=8, memory_bytes=80e9, matmul_flops=794.5e12, fp8_flops=1402.6e12,
    memory_bandwidth_bytes_per_s=3.35e12,
)  # fmt: skip
MEASURED = [(1, 0.40677, 51.67), (5, 0.5467, 218.48), (25, 0.68869, 623.4), (50, 0.83451, 814.37)]


@pytest.mark.parametrize(("in_flight", "first_token_s", "tokens_per_s"), MEASURED)
def test_a_published_service_lies_within_the_interval(
    in_flight: int, first_token_s: float, tokens_per_s: float
) -> None:
    architecture = published_models()["llama-3.1-70b"].architecture
    asked = serving(prompt_tokens=5000, output_tokens=500, weights="fp8")
    answered = answer_times(architecture, asked, H100, TWO, np.asarray([in_flight]))
    assert 0.6 < tokens_per_s / (in_flight / answered.per_token[0]) < 1.7
    assert 0.6 < first_token_s / answered.first_token[0] < 1.7


def test_formats_are_those_of_the_workload() -> None:
    assert set(MATRIX_BYTES) == set(get_args(WeightFormat))
