"""A finished run as a row of the table of training runs, ready for calibration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stellwerk import __version__
from stellwerk.launch.comparison import typical_step_time_s
from stellwerk.launch.expectation import Expectation, read_expectation
from stellwerk.launch.plain_json import read_values
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import RunRecord
from stellwerk.records import TrainingRun, append_training_run
from stellwerk.training import Outcome, StepMetrics, TrainingJob, read_job, read_metrics, read_outcome
from stellwerk.workload import Architecture, count_parameters
from stellwerk.workload.model import Method, architecture_from_values

GPU_NAMES = {
    "Tesla V100-SXM2-16GB": "V100-SXM2-16GB",
    "Tesla V100-SXM2-32GB": "V100-SXM2-32GB",
    "NVIDIA A100-SXM4-40GB": "A100-SXM-40GB",
    "NVIDIA A100-SXM4-80GB": "A100-SXM-80GB",
    "NVIDIA A100 80GB PCIe": "A100-PCIe-80GB",
    "NVIDIA A40": "A40",
    "NVIDIA RTX A6000": "A6000",
    "NVIDIA L40S": "L40S",
    "NVIDIA GeForce RTX 4090": "RTX4090",
    "NVIDIA GeForce RTX 5090": "RTX5090",
    "NVIDIA H100 80GB HBM3": "H100-SXM-80GB",
    "NVIDIA H100 PCIe": "H100-PCIe",
    "NVIDIA H100 NVL": "H100-NVL",
    "NVIDIA H200": "H200-SXM-141GB",
    "NVIDIA B200": "B200-SXM",
}
"""What the driver calls a device, and what the table of published runs does. Others keep their driver's name."""

TASKS: dict[Method, str] = {"pretraining": "pretrain", "full": "full-ft", "lora": "lora", "qlora": "qlora"}
SOURCE = "Own measurement by stellwerk run"
FAMILY = "stellwerk-run"
MAX_NOTES = 300
HARDWARE_LINE = re.compile(
    r"^# (accelerators|processor) (?:\d+ x )?(.+?)(?:, \d+ (?:bytes each|cores))?$", re.MULTILINE
)
"""Of environment.lock."""


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """What a row is made of. What is not known is None."""

    name: str
    when: str
    """UTC, ISO 8601."""
    architecture: Architecture | None
    model: str | None
    method: Method | None
    sequence_length: int | None
    global_batch_sequences: int | None
    processes: int
    attempts: int
    metrics: Sequence[StepMetrics]
    hardware: str | None
    """Of a device, in the words of its driver."""
    expected: Expectation | None = None
    job: TrainingJob | None = None
    """Of the reference program; without it layout and precision are not known to be those of the plan."""
    outcome: Outcome | None = None


def run_record_row(run: MeasuredRun) -> TrainingRun:
    """The row of a run; speeds are those of its typical step."""
    step_time_s = typical_step_time_s(run.metrics)
    tokens_per_s = _per(run.global_batch_sequences, run.sequence_length, step_time_s)
    expected = run.expected
    mfu = None if expected is None or tokens_per_s is None else expected.mfu_at(tokens_per_s)
    per_gpu = None if tokens_per_s is None else tokens_per_s / run.processes
    tflops = None if expected is None or per_gpu is None else per_gpu * expected.flops_per_token / 1e12
    return TrainingRun(
        id=f"{run.name}-{run.when}",
        source_title=SOURCE,
        source_ref=f"{run.name}, ended {run.when}",
        model=run.model,
        seq_len=run.sequence_length,
        gpu=None if run.hardware is None else GPU_NAMES.get(run.hardware, run.hardware),
        gpus_per_node=run.processes,
        n_gpus=run.processes,
        global_batch_sequences=run.global_batch_sequences,
        framework=_framework(run),
        tflops_per_gpu_reported=_rounded(tflops),
        mfu_reported=_rounded(mfu),
        tokens_per_s_per_gpu=_rounded(per_gpu),
        step_time_s=_rounded(step_time_s),
        notes=_notes(run),
        task=None if run.method is None else TASKS[run.method],
        flops_convention=None if tflops is None else "model",
        provenance="primary",
        source_family=FAMILY,
        **_architecture_cells(run.architecture),
        **_layout_cells(run.job),
        **_memory_cells(run),
    )


def read_measured_run(directory: RunDirectory, record: RunRecord) -> MeasuredRun:
    """From the files in a run's folder."""
    resolved = read_values(directory.resolved)
    training = resolved.get("training") or {}
    job = read_job(directory.job) if _has_content(directory.job) else None
    architecture = resolved.get("architecture")
    return MeasuredRun(
        name=str(resolved.get("name") or directory.path.name),
        when=record.latest.since.isoformat(timespec="seconds"),
        architecture=architecture_from_values(architecture) if architecture else None,
        model=resolved.get("model_name") or resolved.get("name"),
        method=training.get("method"),
        sequence_length=training.get("sequence_length"),
        global_batch_sequences=training.get("global_batch_sequences"),
        processes=record.processes,
        attempts=len(record.attempts),
        metrics=read_metrics(directory.metrics),
        hardware=_hardware(directory.environment, on_gpus=None if job is None else job.device == "cuda"),
        expected=read_expectation(directory.plan) if _has_content(directory.plan) else None,
        job=job,
        outcome=read_outcome(directory.outcome) if _has_content(directory.outcome) else None,
    )


def write_run_record(directory: RunDirectory, record: RunRecord) -> TrainingRun:
    """Writes the row of a run into its folder and returns it."""
    row = run_record_row(read_measured_run(directory, record))
    append_training_run(directory.run_record, row)
    return row


def _architecture_cells(architecture: Architecture | None) -> dict[str, Any]:
    if architecture is None:
        return {}
    experts = architecture.experts
    cells: dict[str, Any] = {
        "params_b": _rounded(count_parameters(architecture).total / 1e9),
        "layers": architecture.layers,
        "hidden": architecture.hidden,
        "heads": architecture.heads,
        "kv_heads": architecture.kv_heads,
        "head_dim": architecture.head_dim,
        "ffn_hidden": architecture.ffn_hidden if experts is None else experts.ffn_hidden,
        "gated_mlp": int(architecture.gated_mlp),
        "vocab": architecture.vocab,
        "attention_kind": _attention_kind(architecture),
    }
    if experts is not None:
        cells |= {
            "experts": experts.routed,
            "experts_active": experts.per_token,
            "shared_experts": round(experts.shared_ffn_hidden / experts.ffn_hidden) or None,
            "dense_layers": experts.dense_layers or None,
            "dense_ffn_hidden": architecture.ffn_hidden if experts.dense_layers else None,
        }
    return cells


def _attention_kind(architecture: Architecture) -> str:
    if architecture.latent_attention is not None:
        return "mla"
    return "mha" if architecture.kv_heads == architecture.heads else "gqa"


def _layout_cells(job: TrainingJob | None) -> dict[str, Any]:
    if job is None:
        return {}
    return {
        "tp": job.tensor,
        "pp": 1,
        "vpp": 1,
        "cp": 1,
        "ep": 1,
        "dp": job.data_parallel,
        "zero_or_fsdp_stage": 3 if job.data_parallel > 1 else 0,
        "micro_batch": job.micro_batch,
        "recompute": job.recomputation,
        "sequence_parallel": 0,
        "precision": job.compute_type,
    }


def _memory_cells(run: MeasuredRun) -> dict[str, Any]:
    """What the allocator reserved on a GPU. The resident set of a process on a processor is another quantity."""
    if run.job is None or run.job.device != "cuda" or run.outcome is None:
        return {}
    return {"peak_memory_gb": _rounded(run.outcome.peak_memory_bytes / 1e9), "memory_measure": "reserved"}


def _framework(run: MeasuredRun) -> str:
    if run.job is None:
        return f"own program, started by stellwerk {__version__}"
    torch = "" if run.outcome is None else f", PyTorch {run.outcome.torch_version}"
    return f"stellwerk {__version__} reference program (FSDP2{torch})"


def _notes(run: MeasuredRun) -> str:
    parts = [f"{len(run.metrics)} steps, median step time without the first"]
    if run.job is not None:
        parts.append(f"torch.compile {'on' if run.job.compile else 'off'}")
    if run.attempts > 1:
        parts.append(f"{run.attempts} attempts")
    if run.job is not None and run.job.device == "cpu":
        parts.append("on processors: one process counts as one GPU")
    return "; ".join(parts)[:MAX_NOTES]


def _per(sequences: int | None, length: int | None, step_time_s: float | None) -> float | None:
    if sequences is None or length is None or not step_time_s:
        return None
    return sequences * length / step_time_s


def _hardware(lock: Path, *, on_gpus: bool | None) -> str | None:
    """The device that computed; None where the file does not say, or says none."""
    try:
        found: dict[str, str] = dict(HARDWARE_LINE.findall(lock.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return None
    accelerator = found.get("accelerators")
    if on_gpus is not False and accelerator not in (None, "none"):
        return accelerator
    return None if on_gpus else found.get("processor")


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _rounded(value: float | None) -> float | None:
    """Six figures: more than any of these measurements has."""
    return None if value is None else float(f"{value:.6g}")
