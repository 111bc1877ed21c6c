from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from stellwerk.planner import Machine, search
from stellwerk.planner.largest import (
    LLAMA_LIKE,
    TOKENS_PER_PARAMETER,
    Largest,
    architecture_ladder,
    batch_sequences,
    largest_trainable,
)
from stellwerk.units import SECONDS_PER_DAY
from stellwerk.workload import Experts, Workload, count_parameters
from tests.planner import examples

MONTH_S = 30 * SECONDS_PER_DAY


@cache
def largest(devices: int, duration_s: float = MONTH_S, tokens_per_parameter: float = TOKENS_PER_PARAMETER) -> Largest:
    """Of the family on so many devices of the machine that the planner's tests share."""
    return largest_trainable(
        replace(examples.workload(), architecture=LLAMA_LIKE),
        replace(examples.machine(), devices=devices),
        duration_s,
        tokens_per_parameter=tokens_per_parameter,
    )


@pytest.fixture
def family(workload: Workload) -> Workload:
    return replace(workload, architecture=LLAMA_LIKE)


def test_the_ladder_rises_in_small_steps_and_holds_the_family_itself() -> None:
    ladder = architecture_ladder(LLAMA_LIKE)
    sizes = [count_parameters(one).total for one in ladder]
    assert sizes == sorted(set(sizes))
    assert sizes[0] < 0.1e9
    assert sizes[-1] > 4e12
    large = [size for size in sizes if size > 5e9]
    assert max(later / size for size, later in pairwise(large)) < 1.13
    assert LLAMA_LIKE in ladder
    assert all(one.hidden % 128 == 0 and one.heads % one.kv_heads == 0 for one in ladder)
    assert all(one.heads * one.head_dim == one.hidden for one in ladder)


def test_the_ladder_keeps_what_the_family_is(workload: Workload) -> None:
    plain = replace(workload.architecture, kv_heads=32, ffn_hidden=4 * 4096, gated_mlp=False, tied_embeddings=True)
    for one in architecture_ladder(plain):
        assert (one.kv_heads, one.ffn_hidden, one.vocab) == (one.heads, 4 * one.hidden, plain.vocab)
        assert not one.gated_mlp
        assert one.tied_embeddings


def test_a_family_without_a_rule_is_refused(machine: Machine, family: Workload) -> None:
    experts = replace(LLAMA_LIKE, experts=Experts(routed=8, per_token=2, ffn_hidden=14336))
    with pytest.raises(ValueError, match="dense"):
        architecture_ladder(experts)
    with pytest.raises(ValueError, match="pre-trained"):
        largest_trainable(replace(family, task=replace(family.training, method="lora")), machine, MONTH_S)
    with pytest.raises(ValueError, match="above 0"):
        largest_trainable(family, machine, 0.0)


def test_the_batch_grows_with_the_training_and_divides_over_the_devices(family: Workload) -> None:
    small = replace(family.training, tokens=10**10)
    large = replace(family.training, tokens=10**12)
    assert batch_sequences(LLAMA_LIKE, small, 64) < batch_sequences(LLAMA_LIKE, large, 64)
    for devices in (1, 24, 588, 1024):
        sequences = batch_sequences(LLAMA_LIKE, large, devices)
        odd = devices // (devices & -devices)
        assert sequences % odd == 0
        # DeepSeek LLM's formula gives 7.4M tokens for 8B on 1T; the nearest of powers of two is within a factor of two.
        assert 0.5 < sequences * 4096 / 7.4e6 < 2 or odd > 1000


def test_the_largest_is_trained_in_time_and_the_next_is_not(machine: Machine) -> None:
    small = replace(machine, devices=64)
    found = largest(64)
    best = found.best
    assert best is not None
    assert best.plan is not None
    assert best.plan.duration_s.best <= MONTH_S
    assert best.workload.training.tokens == round(TOKENS_PER_PARAMETER * best.parameters)
    assert best.plan == search(best.workload, small, [best.plan.devices]).fastest()
    assert found.bound == "time"
    ladder = architecture_ladder(LLAMA_LIKE)
    sizes = [count_parameters(one).total for one in ladder]
    following = largest(64, MONTH_S * 1.2).best
    assert following is not None
    assert sizes.index(following.parameters) > sizes.index(best.parameters)


def test_the_interval_of_the_size_comes_from_that_of_the_step_time() -> None:
    found = largest(256)
    assert found.low is not None
    assert found.best is not None
    assert found.high is not None
    assert found.low.parameters < found.best.parameters <= found.high.parameters
    assert found.low.plan is not None
    assert found.high.plan is not None
    assert found.low.plan.duration_s.high <= MONTH_S
    assert found.high.plan.duration_s.low <= MONTH_S


def test_more_time_and_more_devices_allow_larger_models() -> None:
    by_time = [largest(64, days * SECONDS_PER_DAY).best for days in (3, 30, 90)]
    by_size = [largest(devices).best for devices in (64, 256)]
    for found in (by_time, by_size):
        sizes = [one.parameters if one else 0 for one in found]
        assert sizes == sorted(set(sizes))


def test_fewer_tokens_allow_a_larger_model() -> None:
    usual, fewer = largest(64).best, largest(64, tokens_per_parameter=5).best
    assert usual is not None
    assert fewer is not None
    assert fewer.parameters > 1.4 * usual.parameters


def test_too_little_time_has_no_model_and_too_little_memory_says_so(machine: Machine, family: Workload) -> None:
    nothing = largest_trainable(family, machine, 1.0)
    assert (nothing.low, nothing.best, nothing.high, nothing.bound) == (None, None, None, "time")
    narrow = largest_trainable(family, replace(machine, devices=1, memory_bytes=16e9), 1e4 * MONTH_S)
    assert narrow.bound == "memory"
    assert narrow.low == narrow.high
