"""What the training room takes and returns; plain data, importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stellwerk.workload.model import Architecture

ComputeType = Literal["bf16", "fp32"]


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Everything that the training program needs to know; written to a file and read by each process.

    One step takes ``micro_batches`` micro-batches of ``micro_batch`` sequences on each of ``processes`` processes.
    Weights are kept in fp32, sharded over the processes; matrix products run in ``compute_type``.
    """

    architecture: Architecture
    processes: int
    sequence_length: int
    micro_batch: int
    micro_batches: int
    steps: int
    compute_type: ComputeType
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    gradient_clip: float = 1.0
    warm_up_share: float = 0.05
    """Share of the steps over which the learning rate rises."""
    decay_share: float = 0.3
    """Share of the steps, the last ones, over which it falls to zero."""
    seed: int = 1

    @property
    def sequences_per_step(self) -> int:
        return self.processes * self.micro_batch * self.micro_batches

    @property
    def tokens_per_step(self) -> int:
        return self.sequences_per_step * self.sequence_length


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One line of the metrics file. ``tokens`` counts from the start of the run, ``loss`` is the mean over the
    step's tokens in nats, ``gradient_norm`` is taken before clipping."""

    step: int
    tokens: int
    loss: float
    learning_rate: float
    gradient_norm: float
    step_time_s: float
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished training reports, beside its metrics.

    ``peak_memory_bytes`` is the peak resident set (getrusage) of the fullest process, ``base_memory_bytes`` what
    that process already held before the model was built: interpreter and libraries.
    """

    parameters: int
    training_time_s: float
    held_out_loss: float
    held_out_tokens: int
    peak_memory_bytes: int
    base_memory_bytes: int
    sample: str
    torch_version: str
    text_sha256: str


@dataclass(frozen=True, slots=True)
class Rates:
    """What this machine does, per process, while ``processes`` processes work at once, one thread each.

    Of processes that differ the slowest counts. ``memory_bytes`` is the whole machine's (or the container's);
    ``runtime_bytes`` what a process holds before its first tensor.
    """

    processes: int
    cores: int
    memory_bytes: int
    runtime_bytes: int
    compute_type: ComputeType
    """The type to compute in: bf16, or fp32 where this machine is faster in it."""
    best_matmul_flops: float
    """Of a large square matrix product in ``compute_type``: a processor has no better figure to hold MFU against."""
    model_matmul_flops: float
    """Of the model's linear layers at their own shapes, forward and backward."""
    attention_flops: float
    """Of causal attention at the model's shapes, forward and backward, counted as 3.5 forward passes."""
    memory_bandwidth_bytes_per_s: float
    """Read and written by an element-wise product of tensors as large as the model's activations."""
    link_bytes_per_s: float
    """Sent by one process, in one direction, in the collectives that fully sharded training uses on one layer."""
    collective_latency_s: float
    """Of an all-reduce of one number."""
    layer_overhead_s: float
    """Of one layer, forward and backward, on next to no data: what is left is calling its operations."""
    torch_version: str
