"""A run that is as good as it was planned, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stellwerk.launch.doctor import Diagnosis, Finding, RunEvidence, diagnose
from stellwerk.launch.doctor.steps import StepTable, step_table
from stellwerk.launch.energy import DeviceReading, EnergySample
from stellwerk.launch.expectation import Expectation
from stellwerk.planner import Layout
from stellwerk.training import Rates, StepMetrics, StepProfile, TrainingJob
from stellwerk.units import Interval
from stellwerk.workload import Architecture

ARCHITECTURE = Architecture(layers=4, hidden=64, heads=4, kv_heads=4, head_dim=16, ffn_hidden=256, vocab=256)
STEP_S = 0.1

JOB = TrainingJob(
    architecture=ARCHITECTURE,
    processes=2,
    sequence_length=128,
    micro_batch=4,
    micro_batches=2,
    steps=100,
    compute_type="bf16",
    checkpoint_every=20,
)
RATES = Rates(
    processes=2,
    cores=2,
    memory_bytes=8 * 10**9,
    runtime_bytes=10**8,
    compute_type="bf16",
    best_matmul_flops=1e11,
    model_matmul_flops=8e10,
    attention_flops=5e10,
    memory_bandwidth_bytes_per_s=1e10,
    link_bytes_per_s=1e9,
    collective_latency_s=1e-4,
    layer_overhead_s=1e-4,
    torch_version="2.13",
)
EXPECTED = Expectation(
    machine="this machine",
    device="cpu",
    compute_type="bf16",
    layout=Layout(tensor=1, pipeline=1, data=2, sharding="full", micro_batch=4, micro_batches=2, recomputation="none"),
    parameters=10**6,
    tokens_per_step=JOB.tokens_per_step,
    steps=100,
    steps_asked=100,
    flops_per_token=1e6,
    peak_flops=1e11,
    device_memory_bytes=3.2e9,
    memory_parts_bytes={"weights": 1e9},
    step_parts_s={"matrix_products": 0.1},
    step_time_s=Interval(0.09, 0.1, 0.115),
    mfu=Interval(0.4, 0.5, 0.6),
    tokens_per_s=Interval(1e4, 2e4, 3e4),
    duration_s=Interval(9.0, 10.0, 11.5),
    device_hours=Interval(0.005, 0.0055, 0.0064),
    energy_j=None,
)


def lines(count: int = 100, **values: Any) -> list[StepMetrics]:
    """Steps as they should be: 0.1 s each, hardly any waiting, a loss that falls."""
    return [
        StepMetrics(
            **{
                "step": step,
                "tokens": step * JOB.tokens_per_step,
                "loss": 5.0 - 0.01 * step + 0.004 * (step % 5),
                "step_time_s": STEP_S + 0.0005 * (step % 7),
                "data_s": 0.0005,
                "checkpoint_s": 0.0,
                **values,
            }
        )
        for step in range(1, count + 1)
    ]


def steps(count: int = 100, **values: Any) -> StepTable:
    return step_table(lines(count, **values))


def profile(
    step: int = 50,
    communication: Sequence[float] = (0.006, 0.006),
    exposed: Sequence[float] = (0.004, 0.004),
    data: Sequence[float] = (0.0005, 0.0005),
    backend: str = "gloo",
) -> StepProfile:
    return StepProfile(step, STEP_S, backend, tuple(communication), tuple(exposed), tuple(data))


def samples(count: int = 20, **values: Any) -> tuple[EnergySample, ...]:
    """Readings of one GPU that nothing holds down, ten seconds apart."""
    reading = DeviceReading(
        device="GPU-0", energy_j=0.0, power_w=400.0, power_limit_w=700.0, full_power_limit_w=700.0,
        temperature_c=60.0, clock_mhz=1900.0, full_clock_mhz=1980.0,
    )  # fmt: skip
    return tuple(
        EnergySample(
            "2026-01-02T12:00:00+00:00",
            10.0 * index,
            "nvml",
            4000.0 * index,
            400.0,
            (replace(reading, energy_j=4000.0 * index, **values),),
        )
        for index in range(count)
    )


HEALTHY = RunEvidence(
    steps=steps(),
    profiles=(profile(30), profile(60), profile(90)),
    energy=samples(),
    job=JOB,
    expected=EXPECTED,
    rates=RATES,
    state="finished",
    gpus=0,
    peak_memory_bytes=10**9,
)


def codes(diagnosis: Diagnosis) -> list[str]:
    return [finding.cause.code for finding in diagnosis.findings]


def only_finding(evidence: RunEvidence) -> Finding:
    """The one finding on this evidence."""
    findings = diagnose(evidence).findings
    assert len(findings) == 1, [finding.cause for finding in findings]
    return findings[0]
