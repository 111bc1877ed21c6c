"""One workload and one machine's rates that several tests plan with."""

from __future__ import annotations

from pathlib import Path

from stellwerk.launch import LocalRun, Place, plan_local_run
from stellwerk.training import Rates
from stellwerk.workload import Workload, read_workload

EXAMPLE = Path(__file__).parents[2] / "examples" / "first-run.toml"
WORKLOAD = read_workload(EXAMPLE)

RATES = Rates(
    processes=2,
    cores=2,
    memory_bytes=16_000_000_000,
    runtime_bytes=280_000_000,
    compute_type="bf16",
    best_matmul_flops=2.0e11,
    model_matmul_flops=1.8e11,
    attention_flops=3.0e10,
    memory_bandwidth_bytes_per_s=3.0e10,
    link_bytes_per_s=4.0e8,
    collective_latency_s=2.0e-4,
    layer_overhead_s=6.0e-4,
    torch_version="2.13.0",
)

PLACE = Place("cpu", processes=2, memory_bytes=16_000_000_000)


def planned(
    workload: Workload = WORKLOAD, rates: Rates = RATES, place: Place = PLACE, *, seconds: float | None = 30
) -> LocalRun:
    return plan_local_run(workload, rates, place, seconds=seconds, file=EXAMPLE)
