"""One machine and one workload that the planner's tests share."""

from __future__ import annotations

from stellwerk.planner import Machine
from stellwerk.units import SECONDS_PER_DAY, Interval
from stellwerk.workload import Applicant, Architecture, Limits, Training, Workload


def machine() -> Machine:
    """1,024 devices like an H100 in nodes of four."""
    return Machine(
        name="H100 94 GB",
        devices=1024,
        devices_per_node=4,
        memory_bytes=94e9,
        peak_flops=989e12,
        matmul_flops=794e12,
        memory_bandwidth_bytes_per_s=2.4e12,
        link_bytes_per_s=450e9,
        network_bytes_per_s=25e9,
        runtime_bytes=2e9,
        power_w=Interval(500, 800, 1200),
        pue=Interval(1.05, 1.2, 1.6),
        accelerator="h100-sxm-80gb",
    )


def workload() -> Workload:
    """A 7B model on a trillion tokens in 90 days."""
    return Workload(
        name="7b",
        architecture=Architecture(
            layers=32, hidden=4096, heads=32, kv_heads=8, head_dim=128, ffn_hidden=14336, vocab=65536
        ),
        task=Training(tokens=10**12, sequence_length=4096, global_batch_sequences=1024, precision="bf16"),
        limits=Limits(duration_s=90 * SECONDS_PER_DAY),
        applicant=Applicant(kind="startup", country="DE"),
    )
