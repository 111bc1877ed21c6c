"""The table of published runs, and one run that every column is known of."""

from __future__ import annotations

from pathlib import Path

from stellwerk.records import TrainingRun

PUBLISHED = Path(__file__).parents[3] / "calibration" / "runs.csv"

RUN = {
    "model": "gpt-8b",
    "layers": 32,
    "hidden": 4096,
    "heads": 32,
    "kv_heads": 32,
    "head_dim": 128,
    "ffn_hidden": 16384,
    "gated_mlp": 0,
    "vocab": 51200,
    "seq_len": 4096,
    "gpu": "A100-SXM-80GB",
    "gpus_per_node": 8,
    "n_gpus": 16,
    "tp": 2,
    "pp": 2,
    "vpp": 1,
    "cp": 1,
    "ep": 1,
    "dp": 4,
    "zero_or_fsdp_stage": 1,
    "micro_batch": 1,
    "global_batch_sequences": 64,
    "recompute": "none",
    "sequence_parallel": 1,
    "precision": "bf16",
    "framework": "Megatron-LM",
    "step_time_s": 10.0,
    "task": "pretrain",
    "provenance": "primary",
    "source_family": "one",
    "attention_kind": "mha",
    "flash_attention": 1,
}


def run(**changes: object) -> TrainingRun:
    return TrainingRun(**({"id": "a"} | RUN | changes))  # type: ignore[arg-type]
