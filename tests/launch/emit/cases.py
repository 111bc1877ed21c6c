"""Workloads and plans whose configurations are held against golden files, and those against the programs' parsers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stellwerk.planner import Layout, Machine, Plan
from stellwerk.units import Interval
from stellwerk.workload import Applicant, Limits, RunSettings, Training, Workload, published_models

MACHINE = Machine(
    name="test machine",
    devices=256,
    devices_per_node=4,
    memory_bytes=96e9,
    peak_flops=990e12,
    matmul_flops=700e12,
    memory_bandwidth_bytes_per_s=3e12,
    link_bytes_per_s=300e9,
    network_bytes_per_s=25e9,
    runtime_bytes=2e9,
    power_w=None,
    pue=Interval.exactly(1.1),
    accelerator="h100-sxm-80gb",
)


def workload(model: str, name: str, **run: object) -> Workload:
    return Workload(
        name=name,
        architecture=published_models()[model].architecture,
        task=Training(tokens=10**11, sequence_length=4096, global_batch_sequences=512, precision="bf16"),
        limits=Limits(),
        applicant=Applicant(kind="academia", country="DE"),
        run=replace(RunSettings(), **run),  # type: ignore[arg-type]
    )


def plan(layout: Layout) -> Plan:
    interval = Interval(10.0, 12.0, 14.5)
    return Plan(
        machine=MACHINE,
        layout=layout,
        memory_parts_bytes={"weights": 60e9},
        step_parts_s={"compute": 12.0},
        step_time_s=interval,
        mfu=Interval(0.35, 0.4, 0.45),
        tokens_per_s=interval,
        duration_s=interval,
        device_hours=interval,
        energy_j=None,
    )


def layout(**changes: object) -> Layout:
    first = Layout(1, 1, 64, sharding="full", micro_batch=2, micro_batches=4, recomputation="none")
    return replace(first, **changes)  # type: ignore[arg-type]


DENSE = workload("llama-3.1-8b", "dense 8B", learning_rate=3e-4, checkpoint_every=250)
QWEN = workload("qwen3-0.6b", "3-qwen")
EXPERTS = workload("mixtral-8x7b", "experts")
LATENT = workload("deepseek-v2-lite", "latent")

FULL = plan(layout())
PARALLEL = plan(
    layout(tensor=4, pipeline=2, data=8, sharding="optimizer", micro_batch=1, micro_batches=64, recomputation="full")
)
TENSOR = plan(layout(tensor=4, data=16, micro_batches=16, recomputation="selective"))
REPLICAS = plan(layout(data=4, sharding="none", micro_batch=8, micro_batches=16))

LARGE = plan(
    layout(
        tensor=2, pipeline=4, context=2, data=4, expert=4, interleave=2, sharding="optimizer", micro_batch=1,
        micro_batches=128,
    )
)  # fmt: skip
UNEVEN = plan(layout(pipeline=4, data=8, sharding="optimizer", micro_batch=1, micro_batches=64, offload=True))
HYBRID = plan(layout(context=2, data=32, sharding="hybrid", micro_batches=8))
INTERLEAVED = plan(
    layout(
        tensor=2, pipeline=4, data=8, sharding="optimizer", micro_batch=1, micro_batches=64, interleave=2,
        sequence_parallel=False,
    )
)  # fmt: skip


def trained(workload: Workload, **changes: object) -> Workload:
    return replace(workload, task=replace(workload.training, **changes))  # type: ignore[arg-type]


GOLDEN: Mapping[str, tuple[str, Workload, Plan]] = {
    "accelerate-full.yaml": ("accelerate", DENSE, FULL),
    "accelerate-tensor.yaml": ("accelerate", DENSE, TENSOR),
    "accelerate-replicas.yaml": ("accelerate", QWEN, REPLICAS),
    "torchtitan-full.py.txt": ("torchtitan", DENSE, FULL),
    "torchtitan-parallel.py.txt": ("torchtitan", DENSE, PARALLEL),
    "torchtitan-qwen.py.txt": ("torchtitan", QWEN, REPLICAS),
    "megatron-full.sh": ("megatron", DENSE, FULL),
    "megatron-parallel.sh": ("megatron", DENSE, PARALLEL),
    "megatron-experts.sh": ("megatron", EXPERTS, TENSOR),
    "megatron-latent.sh": ("megatron", LATENT, REPLICAS),
    "megatron-large.sh": ("megatron", trained(EXPERTS, precision="mxfp8", optimizer="adamw_bf16"), LARGE),
    "megatron-uneven.sh": ("megatron", trained(LATENT, precision="nvfp4"), UNEVEN),
    "megatron-hybrid.sh": ("megatron", trained(DENSE, precision="fp8", optimizer="adamw_8bit"), HYBRID),
    "torchtitan-hybrid.py.txt": ("torchtitan", DENSE, HYBRID),
    "torchtitan-interleaved.py.txt": ("torchtitan", DENSE, INTERLEAVED),
    "accelerate-hybrid.yaml": ("accelerate", trained(DENSE, precision="fp8", optimizer="adamw_8bit"), HYBRID),
}
"""Name of the golden file → program, workload, plan."""
