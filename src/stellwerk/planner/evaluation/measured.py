"""What a row of the table says was measured, as seconds of a step and bytes of a device.

The table's TFLOP/s and MFU count FLOPs by several conventions, and a step time follows only with the right one. The
rows that also give a token rate tell which it is: divided by that rate, their TFLOP/s are the FLOPs of a token.

- Model FLOPs are three forward passes. Most sources count the whole attention matrix: MosaicML
  (llm-foundry, scripts/train/benchmarking/README.md: 4 · layers · d_model · s² per sequence and pass), nanotron
  (``get_flops`` in src/nanotron/models/llama.py), NeMo's documentation up to release 25.07, torchtitan, InternEvo,
  TinyLlama. Megatron-Bridge and NeMo AutoModel count the causal half; so does this house.
- Hardware FLOPs add the recomputed forward pass of the layers, not of the logits (Narayanan et al. 2021,
  arXiv:2104.04473, equation 3), or of the attention matrix alone (Korthikanti et al. 2022, arXiv:2205.05198).
- BigScience counts 8 FLOPs per parameter and token: four passes, parameters only
  (bigscience, experiments/gpt2.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stellwerk.catalog import Accelerator
from stellwerk.planner.evaluation.described import NARROW_PRECISIONS, DescribedRun, describe
from stellwerk.planner.evaluation.model import Unscored
from stellwerk.records import TrainingRun, step_time_from_tokens_s
from stellwerk.workload import Architecture, count_parameters, flops_per_token

COUNT_CAUSAL_HALF = ("Megatron-Bridge", "NeMo AutoModel", "stellwerk")
"""Beginnings of the frameworks whose model FLOPs count half of the attention matrix."""
PARAMETERS_ONLY = "hardware(x4, params-only)"
MODEL_PASSES = 3
PARAMETER_FLOPS = 8


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """A run that can be scored: at least one of the two was measured."""

    described: DescribedRun
    step_time_s: float | None
    memory_bytes: float | None

    @property
    def run(self) -> TrainingRun:
        return self.described.run


def measure(run: TrainingRun, accelerators: Mapping[str, Accelerator]) -> MeasuredRun | Unscored:
    """What was measured of a run, or why it is not scored."""
    if run.provenance == "unverified":
        return Unscored("unverified")
    described = describe(run, accelerators)
    if isinstance(described, Unscored):
        return described
    step_time_s = measured_step_time_s(described)
    memory_bytes = None if run.peak_memory_gb is None else run.peak_memory_gb * 1e9
    if isinstance(step_time_s, Unscored):
        return step_time_s if memory_bytes is None else MeasuredRun(described, None, memory_bytes)
    return MeasuredRun(described, step_time_s, memory_bytes)


def measured_step_time_s(described: DescribedRun) -> float | Unscored:
    """Seconds of a step: as given, else from the token rate, else from TFLOP/s, MFU or HFU in this order."""
    run = described.run
    given = run.step_time_s or step_time_from_tokens_s(run)
    if given is not None:
        return given
    if run.tflops_per_gpu_reported is not None:
        rate, convention = run.tflops_per_gpu_reported * 1e12, run.flops_convention or ""
    elif run.mfu_reported is None and run.hfu_reported is None:
        return Unscored("no_measurement")
    elif run.precision in NARROW_PRECISIONS:
        return Unscored("peak_unclear")
    elif described.peak_flops is None:
        return Unscored("accelerator_rates_unknown")
    elif run.mfu_reported is not None:
        rate, convention = run.mfu_reported * described.peak_flops, "model"
    else:
        rate, convention = (run.hfu_reported or 0) * described.peak_flops, "hardware"
    flops = counted_flops_per_token(described, convention)
    if flops is None:
        return Unscored("flops_convention_unclear")
    return flops * described.tokens_per_step / (rate * described.devices)


def counted_flops_per_token(described: DescribedRun, convention: str) -> float | None:
    """FLOPs per token that a source counts by its convention; None where that is not clear."""
    run, architecture = described.run, described.architecture
    if described.method in ("lora", "qlora"):
        return None  # two passes or three over frozen matrices: sources differ, and none of the table's says which
    if convention == PARAMETERS_ONLY:
        parameters = run.params_b * 1e9 if run.params_b else count_parameters(architecture).active
        return PARAMETER_FLOPS * parameters
    if convention.startswith("model"):
        causal = (run.framework or "").startswith(COUNT_CAUSAL_HALF)
        return _passes(architecture, run.seq_len or 0, layers=0, attention=0, whole_attention=not causal)
    if not convention.startswith("hardware"):
        return None
    recomputed = "full" if "full recompute" in convention else run.recompute
    again = {"none": (0, 0), "selective": (0, 1), "full": (1, 1)}.get(recomputed or "")
    if again is None:
        return None
    return _passes(architecture, run.seq_len or 0, layers=again[0], attention=again[1], whole_attention=True)


def _passes(
    architecture: Architecture, sequence_length: int, *, layers: int, attention: int, whole_attention: bool
) -> float:
    """FLOPs per token of forward and backward pass, with so many forward passes more over a layer's matrices and over
    its attention matrix."""
    flops = flops_per_token(architecture, sequence_length)
    matrix = (flops.attention_scores + flops.attention_values) * (2 if whole_attention else 1)
    others = flops.query_key_value + flops.attention_output + flops.mlp + flops.experts
    return (MODEL_PASSES + layers) * others + (MODEL_PASSES + attention) * matrix + MODEL_PASSES * flops.logits
