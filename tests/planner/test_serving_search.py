from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.planner import SERVING_SPEED_SPREAD, Machine, ServingCandidates, search, search_serving
from stellwerk.planner.search import USABLE_MEMORY_SHARE
from stellwerk.workload import Serving, Workload, published_models
from tests.planner import examples

LLAMA_70B = published_models()["llama-3.1-70b"].architecture


def service(**values: object) -> Workload:
    """70B for 20 requests at once: 2,000 tokens in, 500 out, 15 tokens a second, for a year."""
    usual = {
        "users": 200, "concurrent_requests": 20, "prompt_tokens": 2000, "output_tokens": 500, "tokens_per_s": 15.0,
        "first_token_s": 5.0, "weights": "fp8", "duration_s": 365 * 86400.0,
    }  # fmt: skip
    return replace(examples.workload(), architecture=LLAMA_70B, task=Serving(**(usual | values)))  # type: ignore[arg-type]


def on(machine: Machine | None = None, **values: object) -> ServingCandidates:
    return search_serving(service(**values), machine or examples.machine())


def least(candidates: ServingCandidates) -> float:
    return candidates.least_devices.best


loads = st.fixed_dictionaries(
    {
        "concurrent_requests": st.integers(1, 5000),
        "prompt_tokens": st.integers(1, 20_000),
        "output_tokens": st.integers(1, 4000),
        "tokens_per_s": st.floats(1.0, 100.0),
        "first_token_s": st.floats(0.1, 20.0),
        "weights": st.sampled_from(["bf16", "fp8", "int4"]),
    }
)


@settings(max_examples=40)
@given(load=loads)
def test_every_candidate_holds_all_requests_in_memory_and_in_time(load: dict[str, object]) -> None:
    candidates = on(**load)
    memory = np.sum(list(candidates.memory_parts_bytes.values()), axis=0)
    assert (memory <= USABLE_MEMORY_SHARE * candidates.machine.memory_bytes).all()
    assert (candidates.batch * candidates.replicas >= load["concurrent_requests"]).all()
    assert (candidates.time_per_token_s * load["tokens_per_s"] <= 1 + 1e-9).all()
    assert (candidates.first_token_s <= load["first_token_s"]).all()  # type: ignore[operator]
    assert (candidates.devices <= candidates.machine.devices).all()


@settings(max_examples=40)
@given(load=loads, more=st.integers(1, 5000))
def test_more_requests_never_need_fewer_devices(load: dict[str, object], more: int) -> None:
    larger = load | {"concurrent_requests": int(load["concurrent_requests"]) + more}  # type: ignore[call-overload]
    assert least(on(**larger)) >= least(on(**load))


@settings(max_examples=40)
@given(
    load=loads,
    factor=st.floats(1.0, 10.0),
    what=st.sampled_from(["memory_bytes", "memory_bandwidth_bytes_per_s", "matmul_flops", "link_bytes_per_s"]),
)
def test_better_devices_are_never_more_of_them(load: dict[str, object], factor: float, what: str) -> None:
    """With more memory, whatever is asked; with more speed, as far as writing goes: who reads the answer sooner asks
    again sooner, so that prompts may queue longer."""
    base = examples.machine()
    asked = load if what == "memory_bytes" else load | {"first_token_s": 1e5}
    assert least(on(replace(base, **{what: getattr(base, what) * factor}), **asked)) <= least(on(**asked))


@settings(max_examples=40)
@given(load=loads, slower=st.floats(0.1, 1.0), later=st.floats(1.0, 10.0))
def test_asking_for_less_speed_never_needs_more_devices(load: dict[str, object], slower: float, later: float) -> None:
    patient = load | {
        "tokens_per_s": float(load["tokens_per_s"]) * slower,  # type: ignore[arg-type]
        "first_token_s": float(load["first_token_s"]) * later,  # type: ignore[arg-type]
    }
    assert least(on(**patient)) <= least(on(**load))


@settings(max_examples=40)
@given(load=loads)
def test_wider_weights_never_fit_where_narrower_ones_do_not(load: dict[str, object]) -> None:
    int4, fp8, bf16 = (on(**(load | {"weights": weights})).least_memory_bytes for weights in ("int4", "fp8", "bf16"))
    assert int4 < fp8 < bf16


@settings(max_examples=40)
@given(load=loads)
def test_the_interval_holds_the_plan(load: dict[str, object]) -> None:
    plan = on(**load).choose()
    if plan is not None:
        assert plan.devices_needed.low <= plan.devices == plan.devices_needed.best <= plan.devices_needed.high
        hours = plan.duration_s.best / 3600
        assert plan.device_hours.best == pytest.approx(plan.devices * hours)


def test_the_fewest_devices_are_taken_and_among_equals_the_fastest() -> None:
    candidates = on(concurrent_requests=300)
    plan = candidates.choose()
    assert plan is not None
    assert plan.devices == candidates.devices.min()
    equal = candidates.devices == candidates.devices.min()
    assert plan.time_per_token_s.best == candidates.time_per_token_s[equal].min()


def test_one_replica_less_would_not_do() -> None:
    candidates = on(concurrent_requests=2000)
    assert len(candidates.tensor) > 1
    for index, replicas in enumerate(candidates.replicas):
        small = replace(examples.machine(), devices=int(candidates.tensor[index] * (replicas - 1)))
        if small.devices >= small.devices_per_node:
            fewer = on(small, concurrent_requests=2000)
            assert candidates.tensor[index] not in fewer.tensor


def test_speed_is_uncertain_and_the_duration_is_not(machine: Machine) -> None:
    plan = on(machine).choose()
    assert plan is not None
    assert plan.tokens_per_s.low == pytest.approx(plan.tokens_per_s.best * SERVING_SPEED_SPREAD.low)
    assert plan.time_per_token_s.high == pytest.approx(plan.time_per_token_s.best / SERVING_SPEED_SPREAD.low)
    assert plan.duration_s.low == plan.duration_s.high == 365 * 86400
    device_seconds = plan.devices * 365 * 86400
    assert plan.energy_j is not None
    assert machine.power_w is not None
    assert plan.energy_j.best == pytest.approx(device_seconds * machine.power_w.best * machine.pue.best)


def test_unknown_power_leaves_the_energy_unknown(machine: Machine) -> None:
    plan = on(replace(machine, power_w=None)).choose()
    assert plan is not None
    assert plan.energy_j is None


def test_an_unknown_network_does_not_keep_replicas_in_one_node(machine: Machine) -> None:
    known, unknown = (
        on(machine, concurrent_requests=2000),
        on(replace(machine, network_bytes_per_s=None), concurrent_requests=2000),
    )
    assert least(known) == least(unknown) > machine.devices_per_node


def test_where_the_slow_end_is_too_slow_no_number_is_promised() -> None:
    """Just fast enough at best: at the slow end not even a request alone is answered in time."""
    alone = on(concurrent_requests=1)
    fastest = 1 / alone.time_per_token_s.min()
    plan = on(concurrent_requests=1, tokens_per_s=fastest * 0.99).choose()
    assert plan is not None
    assert math.isinf(plan.devices_needed.high)
    assert plan.energy_j is not None
    assert math.isinf(plan.energy_j.high)


def test_a_model_that_fits_nowhere_says_what_it_needs(machine: Machine) -> None:
    candidates = on(replace(machine, memory_bytes=10e9))
    assert candidates.choose() is None
    assert not candidates.fits_memory
    assert candidates.least_memory_bytes > 10e9
    assert math.isinf(least(candidates))


def test_a_machine_that_is_too_small_says_how_many_devices_the_load_needs(machine: Machine) -> None:
    candidates = on(replace(machine, devices=4), concurrent_requests=2000)
    assert candidates.choose() is None
    assert candidates.fits_memory
    assert 4 < least(candidates) < math.inf


def test_a_training_is_not_served_and_a_service_not_trained(machine: Machine, workload: Workload) -> None:
    with pytest.raises(ValueError, match="is a training"):
        search_serving(workload, machine)
    with pytest.raises(InputError, match="serves a model"):
        search(service(), machine)
