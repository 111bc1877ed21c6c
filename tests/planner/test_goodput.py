from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from stellwerk.planner import Layout, Machine, plan_layout
from stellwerk.planner.goodput import (
    ASYNCHRONOUS_SHARE,
    INTERRUPTIONS,
    INTERRUPTIONS_PER_DEVICE_S,
    OVERHEAD_PARTS,
    checkpoint_bytes,
    checkpoint_interval_s,
    daly_interval_s,
    goodput_of,
    mean_time_between_failures_s,
    wall_time_shares,
    young_interval_s,
)
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Architecture, Workload


def useful(interval_s: float, *, write_s: float, mean_s: float, restart_s: float, share: float = 1.0) -> float:
    return wall_time_shares(interval_s, write_s, mean_s, restart_s=restart_s, blocking_share=share)["useful"]


@pytest.mark.parametrize("write_s", [1.0, 30.0, 300.0, 2_000.0])
@pytest.mark.parametrize("mean_s", [3_000.0, 50_000.0])
def test_dalys_interval_is_the_best_there_is(write_s: float, mean_s: float) -> None:
    """Against the exact optimum of the closed form, found by trying out; Young's is never better."""
    tried = [mean_s * 1.005**power for power in range(-2_000, 400)]
    best = max(useful(interval, write_s=write_s, mean_s=mean_s, restart_s=60.0) for interval in tried)
    daly = useful(daly_interval_s(write_s, mean_s), write_s=write_s, mean_s=mean_s, restart_s=60.0)
    young = useful(young_interval_s(write_s, mean_s), write_s=write_s, mean_s=mean_s, restart_s=60.0)
    assert daly == pytest.approx(best, rel=1e-3)
    assert young <= daly * (1 + 1e-12)


def test_a_checkpoint_longer_than_twice_the_time_between_failures_is_written_once_in_that_time() -> None:
    assert daly_interval_s(200.0, 100.0) == 100.0
    assert daly_interval_s(199.999, 100.0) == pytest.approx(young_interval_s(200.0, 100.0) * 13 / 9 - 200.0, rel=1e-3)


def test_both_formulas_agree_where_failures_are_rare() -> None:
    assert daly_interval_s(10.0, 1e9) == pytest.approx(young_interval_s(10.0, 1e9), rel=1e-3)


def simulated(
    interval_s: float, write_s: float, mean_s: float, restart_s: float, share: float, *, segments: int
) -> dict[str, float]:
    """Event by event: work, the part of writing that blocks, the rest beside the next work; failures at any time."""
    draws = np.random.default_rng(7)
    blocked_s = share * write_s
    wall_s = checkpoints_s = restarts_s = 0.0
    safe = done = 0
    fails_at = draws.exponential(mean_s)
    pending: float | None = None  # when what is being written will be safe

    def fail() -> None:
        nonlocal wall_s, restarts_s, fails_at, done, pending
        if pending is not None and pending > fails_at:
            done = safe  # the last checkpoint was not whole yet
        pending = None
        wall_s = fails_at
        while True:
            fails_at = wall_s + draws.exponential(mean_s)
            if fails_at >= wall_s + restart_s:
                break
            restarts_s += fails_at - wall_s
            wall_s = fails_at
        restarts_s += restart_s
        wall_s += restart_s

    while done < segments:
        end = wall_s + interval_s + blocked_s
        if pending is not None and pending <= min(fails_at, end):
            safe, pending = done, None
        if fails_at < end:
            fail()
            continue
        wall_s = end
        checkpoints_s += blocked_s
        done += 1
        pending = wall_s + write_s - blocked_s
    shares = {"useful": segments * interval_s, "checkpoints": segments * blocked_s, "restarts": restarts_s}
    shares["lost_work"] = wall_s - sum(shares.values())
    return {name: value / wall_s for name, value in shares.items()}


@pytest.mark.parametrize(
    ("interval_s", "write_s", "mean_s", "restart_s", "share", "tolerance"),
    [
        (3_600.0, 60.0, 20_000.0, 600.0, 1.0, 0.004),
        (1_000.0, 400.0, 2_000.0, 900.0, 1.0, 0.004),  # failures during checkpoints and restarts, often
        (1_000.0, 300.0, 20_000.0, 600.0, ASYNCHRONOUS_SHARE, 0.006),
    ],
)
def test_the_shares_are_those_of_a_simulation(
    interval_s: float, write_s: float, mean_s: float, restart_s: float, share: float, tolerance: float
) -> None:
    expected = simulated(interval_s, write_s, mean_s, restart_s, share, segments=60_000)
    shares = wall_time_shares(interval_s, write_s, mean_s, restart_s=restart_s, blocking_share=share)
    assert sum(shares.values()) == pytest.approx(1.0)
    for name, value in expected.items():
        assert shares[name] == pytest.approx(value, abs=tolerance), name


def test_more_failures_longer_checkpoints_and_slower_restarts_never_help() -> None:
    def at_best(write_s: float, mean_s: float, restart_s: float) -> float:
        interval_s = checkpoint_interval_s(write_s, mean_s)
        return useful(interval_s, write_s=write_s, mean_s=mean_s, restart_s=restart_s)

    by_failures = [at_best(30.0, mean, 600.0) for mean in (1e6, 1e5, 1e4, 1e3, 1e2, 10.0, 0.01)]
    assert by_failures == sorted(by_failures, reverse=True)
    assert by_failures[0] > 0.98
    assert by_failures[-1] == pytest.approx(0.0, abs=1e-6)
    for column in (
        [at_best(write, 1e4, 600.0) for write in (1.0, 10.0, 100.0, 1e3, 1e4)],
        [at_best(30.0, 1e4, restart) for restart in (1.0, 60.0, 600.0, 6_000.0)],
    ):
        assert column == sorted(column, reverse=True)


def test_an_asynchronous_checkpoint_is_not_overtaken_by_the_next() -> None:
    assert checkpoint_interval_s(1_000.0, 1_000.0, blocking_share=0.01) == pytest.approx(990.0)


def test_the_sources_give_the_times_that_they_report() -> None:
    """Llama 3: an interruption every three hours on 16,384; RSC-1: 1.8 and 0.23 hours projected at two sizes."""
    rates = {one.source.split(" (")[0].split(":")[0]: one.per_device_day for one in INTERRUPTIONS}
    assert 24 / (rates["Llama 3 405B"] * 16_384) == pytest.approx(3.1, abs=0.05)
    assert 24 / (rates["Meta RSC-1"] * 16_384) == pytest.approx(1.8, abs=0.01)
    assert 24 / (rates["Meta RSC-1"] * 131_072) == pytest.approx(0.23, abs=0.01)
    between = mean_time_between_failures_s(16_384)
    assert between.low < 1.8 * SECONDS_PER_HOUR < 3.1 * SECONDS_PER_HOUR < between.high
    assert mean_time_between_failures_s(8).best == pytest.approx(between.best * 16_384 / 8)
    assert INTERRUPTIONS_PER_DEVICE_S.low == min(rates.values()) / 86_400


def test_a_checkpoint_of_bloom_is_as_large_as_reported(workload: Workload) -> None:
    """2.3 TB (TiB) with optimizer states for 176B parameters (https://huggingface.co/blog/bloom-megatron-deepspeed)."""
    bloom = Architecture(
        layers=70, hidden=14336, heads=112, kv_heads=112, head_dim=128, ffn_hidden=57344, vocab=250880,
        gated_mlp=False, tied_embeddings=True, norm_parameters=2, attention_bias=True, output_bias=True, mlp_bias=True,
    )  # fmt: skip
    training = workload.training
    assert checkpoint_bytes(bloom, training) / 2**40 == pytest.approx(2.3, abs=0.1)
    adapters = checkpoint_bytes(bloom, replace(training, method="lora", lora_rank=8))
    assert adapters < checkpoint_bytes(bloom, training) / 500


def test_llama_3_on_16384_devices_keeps_nine_tenths(machine: Machine, workload: Workload) -> None:
    """Meta reports more than 90% effective training time (arXiv:2407.21783, section 3.3.4)."""
    model = Architecture(layers=126, hidden=16384, heads=128, kv_heads=8, head_dim=128, ffn_hidden=53248, vocab=128256)
    wanted = replace(workload, architecture=model, task=replace(workload.training, global_batch_sequences=2048))
    large = replace(machine, devices=16_384)
    plan = plan_layout(wanted, large, Layout(4, 16, 256, "optimizer", 1, 8, "full"))
    shown = goodput_of(plan, wanted.architecture, wanted.training, kind="asynchronous")
    assert shown.goodput.low < 0.9 < shown.goodput.high
    assert shown.goodput.best == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize("kind", ["blocking", "asynchronous"])
def test_a_plan_takes_longer_with_failures_and_its_parts_sum_up(
    machine: Machine, workload: Workload, kind: str
) -> None:
    plan = plan_layout(workload, machine, Layout(4, 1, 64, "optimizer", 4, 4, "none"))
    shown = goodput_of(plan, workload.architecture, workload.training, kind=kind)  # type: ignore[arg-type]
    assert set(shown.overhead_parts) == set(OVERHEAD_PARTS)
    assert shown.goodput.best + sum(shown.overhead_parts.values()) == pytest.approx(1.0)
    assert shown.duration_s.best == pytest.approx(plan.duration_s.best / shown.goodput.best)
    assert shown.duration_s.low > plan.duration_s.low
    assert shown.interruptions.best == pytest.approx(shown.duration_s.best / shown.failure_interval_s.best)
    faster = goodput_of(
        plan, workload.architecture, workload.training, write_bytes_per_s=Interval.exactly(1e12), kind="blocking"
    )
    assert faster.goodput.best > goodput_of(plan, workload.architecture, workload.training).goodput.best


@pytest.mark.parametrize("name", ["rate_per_device_s", "write_bytes_per_s", "restart_s"])
def test_what_is_not_above_zero_is_refused(machine: Machine, workload: Workload, name: str) -> None:
    plan = plan_layout(workload, machine, Layout(4, 1, 64, "optimizer", 4, 4, "none"))
    with pytest.raises(ValueError, match="must be above 0"):
        goodput_of(plan, workload.architecture, workload.training, **{name: Interval.exactly(0.0)})  # type: ignore[arg-type]


def test_a_job_that_is_always_interrupted_never_ends() -> None:
    assert wall_time_shares(1e6, 10.0, 1.0, restart_s=60.0)["useful"] == 0.0
    assert math.isclose(sum(wall_time_shares(1e6, 10.0, 1.0, restart_s=60.0).values()), 1.0)
