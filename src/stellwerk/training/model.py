"""What the training room takes and returns; plain data, importable without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from stellwerk.workload.model import Architecture, Method, Schedule

ComputeType = Literal["bf16", "fp32"]
Device = Literal["cpu", "cuda"]
Recomputation = Literal["none", "selective", "full"]


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """Rotary frequencies stretched for longer contexts, as Llama 3.1 does (rope_type "llama3" in a config.json)."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_length: int


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """What a model computes beyond its sizes: needed for equal logits, without influence on memory or time."""

    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-5
    rope_scaling: RopeScaling | None = None
    normalised_routing: bool = True
    """Mixture of experts: whether the weights of the chosen experts are scaled to sum to one."""


@dataclass(frozen=True, slots=True)
class Optimization:
    """AdamW and what steers it."""

    learning_rate: float = 3e-3
    schedule: Schedule = "wsd"
    warm_up_share: float = 0.05
    decay_share: float = 0.3
    final_share: float = 0.0
    weight_decay: float = 0.1
    gradient_clip: float = 1.0
    weight_type: ComputeType = "fp32"
    """Of the weights that the optimizer changes, and of its moments."""


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Where a training starts from, and what it trains."""

    base: str
    """Folder of a model in Hugging Face layout."""
    method: Method
    lora_rank: int = 16
    lora_alpha: float = 32.0


@dataclass(frozen=True, slots=True)
class SpikeGuard:
    """When a step is not taken: its gradient norm is beyond ``factor`` times the median of the last ``window`` steps.

    After ``patience`` steps left out in a row the training stops.
    """

    factor: float = 10.0
    window: int = 64
    patience: int = 5


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Everything that the training program needs to know; written to a file and read by each process.

    ``processes`` = tensor parallel x data parallel. One step takes ``micro_batches`` micro-batches of ``micro_batch``
    sequences on each data-parallel group. Weights are kept in ``optimization.weight_type``, sharded over the
    data-parallel processes; matrix products run in ``compute_type``.
    """

    architecture: Architecture
    processes: int
    sequence_length: int
    micro_batch: int
    micro_batches: int
    steps: int
    compute_type: ComputeType
    optimization: Optimization = field(default_factory=Optimization)
    details: ModelDetails = field(default_factory=ModelDetails)
    tensor: int = 1
    recomputation: Recomputation = "none"
    compile: bool = False
    device: Device = "cpu"
    seed: int = 1
    dataset: str | None = None
    """Folder of prepared tokens; None: the German excerpt inside the package."""
    fine_tuning: FineTuning | None = None
    checkpoint_every: int | None = None
    """Steps from one checkpoint to the next; None: only when stopped and at the end."""
    keep_checkpoints: int = 2
    evaluate_every: int | None = None
    profile_every: int | None = None
    """Steps from one closer look (communication, waiting) to the next."""
    spike_guard: SpikeGuard | None = field(default_factory=SpikeGuard)
    prompt: str = "§ 1 "

    @property
    def data_parallel(self) -> int:
        return self.processes // self.tensor

    @property
    def sequences_per_step(self) -> int:
        return self.data_parallel * self.micro_batch * self.micro_batches

    @property
    def tokens_per_step(self) -> int:
        return self.sequences_per_step * self.sequence_length


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One line of the metrics file. ``tokens`` counts from the start of the run, ``loss`` is the mean over the
    step's tokens in nats, ``gradient_norm`` is taken before clipping.

    A program of one's own gives ``step`` and what it knows; what it does not know is None.
    """

    step: int
    tokens: int | None = None
    loss: float | None = None
    learning_rate: float | None = None
    gradient_norm: float | None = None
    step_time_s: float | None = None
    tokens_per_s: float | None = None
    data_s: float | None = None
    """Of the step's time, waiting for the batch; the slowest process."""
    checkpoint_s: float | None = None
    """Between the step before and this one, held up by a checkpoint."""
    allocated_bytes: int | None = None
    """Peak of the accelerator's memory in tensors, fullest process; None on a processor."""
    reserved_bytes: int | None = None
    """Peak that the allocator holds."""
    allocation_retries: int | None = None
    """Since the start: how often the allocator had to give memory back to find room."""
    skipped: bool = False
    """The guard left the step out: the weights did not change."""
    held_out_loss: float | None = None
    time: str | None = None
    """When the step ended: UTC, ISO 8601. Durations are never taken from it, clocks jump."""


@dataclass(frozen=True, slots=True)
class StepProfile:
    """One line of profile.jsonl: a closer look at one step, one entry per process in each tuple."""

    step: int
    step_time_s: float
    backend: str
    """gloo or nccl."""
    communication_s: tuple[float, ...]
    """Time in collectives."""
    exposed_communication_s: tuple[float, ...]
    """Of it, the time in which the process computed nothing."""
    data_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training reports at its end, beside its metrics.

    ``peak_memory_bytes`` is the peak of the fullest process: on a processor its resident set (getrusage), on an
    accelerator what its allocator reserved; ``base_memory_bytes`` what that process already held before the model was
    built. ``training_time_s`` sums over all attempts.
    """

    parameters: int
    training_time_s: float
    held_out_loss: float | None
    """None where too little text is kept aside for each process to have a sequence."""
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
