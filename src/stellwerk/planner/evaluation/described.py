"""A row of the table of runs in the planner's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args

from stellwerk.catalog import Accelerator
from stellwerk.planner.evaluation.model import Unscored
from stellwerk.planner.model import Layout, Recomputation, Sharding, Software
from stellwerk.records import TrainingRun
from stellwerk.workload import Architecture, Experts, LatentAttention, Method, Training, count_parameters
from stellwerk.workload.model import Precision

NEEDED = ("layers", "hidden", "ffn_hidden", "seq_len", "gpu", "n_gpus", "tp", "pp", "global_batch_sequences")
"""Columns without which a row cannot be scored."""
HEAD_DIM_ASSUMED = 128
VOCABULARY_ASSUMED = 51_200
"""That of GPT-2 as Megatron-LM pads it."""
LATENT_RANKS = LatentAttention(key_value_rank=512, rope_head_dim=64, value_head_dim=128, query_rank=1536)
"""DeepSeek-V2 (arXiv:2405.04434, section 3.1.2); DeepSeek-V3 has the same."""
SHARDINGS: tuple[Sharding, ...] = ("none", "optimizer", "gradients", "full")
"""By ZeRO stage."""
SHARDING_ASSUMED: Mapping[Sharding, tuple[str, ...]] = {
    "full": ("FSDP",),
    "optimizer": ("NeMo", "Megatron-Bridge", "Megatron-Core"),
}
"""By what the framework's name contains, where a row gives no stage; others shard nothing."""
METHODS: Mapping[str | None, Method] = {
    None: "pretraining",
    "pretrain": "pretraining",
    "sft": "full",
    "full-ft": "full",
    "lora": "lora",
    "qlora": "qlora",
}
"""By the task of a row."""
OFFLOADED = "CPU offload opt=Y"
"""What the notes say where optimizer states lay in the host's memory."""
BALANCED = "nanotron"
"""What the framework's name contains where a pipeline is cut by multiply-adds."""
SOFTWARE: tuple[tuple[str, Software], ...] = (
    ("Megatron-Bridge", "megatron_core"),
    ("Megatron-Core", "megatron_core"),
    ("Primus", "megatron_core"),
    ("TE", "megatron_core"),
    ("llm-foundry", "fsdp_2023"),
    ("lit-gpt", "fsdp_2023"),
    ("InternEvo", "fsdp_2023"),
    ("metaseq", "fsdp_2023"),
    ("FSDP+TP", "torch_native"),
    ("Meta internal", "fsdp_2023"),
    ("DeepSpeed", "megatron_2022"),
    ("Megatron", "megatron_2022"),
)
"""By what the framework's name contains; the first that fits counts."""
SOFTWARE_ASSUMED: Software = "torch_native"
NARROW_PRECISIONS = {"fp8": "fp8_flops", "mxfp8": "fp8_flops", "nvfp4": "fp4_flops"}
"""Below 16 bits, with the rate of the accelerator that counts."""


@dataclass(frozen=True, slots=True)
class DescribedRun:
    """A run whose columns suffice. ``assumed`` says in words what was put in the place of empty ones."""

    run: TrainingRun
    architecture: Architecture
    accelerator: Accelerator
    layout: Layout
    training: Training
    software: Software
    fused_attention: bool
    assumed: tuple[str, ...]

    @property
    def devices(self) -> int:
        return self.layout.devices

    @property
    def interleaves(self) -> bool:
        """Whether the pipeline may have been interleaved: the run does not say, and the program can."""
        return self.run.vpp is None and self.layout.pipeline > 1 and "DeepSpeed" not in (self.run.framework or "")

    @property
    def tokens_per_step(self) -> int:
        return self.training.tokens_per_step

    @property
    def method(self) -> Method:
        return self.training.method

    @property
    def peak_flops(self) -> float | None:
        """Of one accelerator in the precision of the run; None where the catalogue does not know it."""
        narrow = NARROW_PRECISIONS.get(self.run.precision or "")
        sixteen_bits = self.accelerator.bf16_flops.value or self.accelerator.fp16_flops.value
        return (getattr(self.accelerator, narrow).value if narrow else None) or sixteen_bits


def describe(run: TrainingRun, accelerators: Mapping[str, Accelerator]) -> DescribedRun | Unscored:
    """The run in the planner's terms, or what keeps it from being scored.

    ``accelerators`` are the catalogue's, by id; the table's names are these ids in other letters.
    """
    for column in NEEDED:
        if getattr(run, column) is None:
            return Unscored(f"missing_{column}")
    accelerator = accelerators.get((run.gpu or "").casefold())
    if accelerator is None:
        return Unscored("unknown_accelerator")
    if run.task not in METHODS:
        return Unscored("task_not_modelled")
    if run.recompute not in (None, *get_args(Recomputation)):
        return Unscored("recomputation_unclear")
    precision = run.precision or ("bf16" if accelerator.bf16_flops.known else "fp16")
    if precision not in get_args(Precision):
        return Unscored("precision_not_modelled")
    if accelerator.devices > 1:
        return Unscored("layout_in_modules")
    assumed: list[str] = [] if run.precision else [f"precision {precision}"]
    software = _software(run, assumed)
    return DescribedRun(
        run=run,
        architecture=_architecture(run, assumed),
        accelerator=accelerator,
        layout=_layout(run, software, assumed),
        training=Training(
            tokens=_known(run.global_batch_sequences) * _known(run.seq_len),
            sequence_length=_known(run.seq_len),
            global_batch_sequences=_known(run.global_batch_sequences),
            precision=cast(Precision, precision),
            method=METHODS[run.task],
        ),
        software=software,
        fused_attention=run.flash_attention != 0 and (run.flash_attention is not None or software != "megatron_2022"),
        assumed=tuple(assumed),
    )


def _software(run: TrainingRun, assumed: list[str]) -> Software:
    for part, software in SOFTWARE:
        if part in (run.framework or ""):
            # Released since 2024, Megatron-LM is Megatron-Core's own program, with fused attention.
            return "megatron_core" if software == "megatron_2022" and run.flash_attention == 1 else software
    if run.framework is None:
        assumed.append(f"software {SOFTWARE_ASSUMED}")
    return SOFTWARE_ASSUMED


def _architecture(run: TrainingRun, assumed: list[str]) -> Architecture:
    hidden, latent = _known(run.hidden), run.attention_kind == "mla"
    heads, head_dim = run.heads, run.head_dim
    if heads is None:
        head_dim = head_dim or HEAD_DIM_ASSUMED
        heads = max(1, round(hidden / head_dim))
        assumed.append(f"heads of {head_dim}")
    if run.vocab is None:
        assumed.append(f"a vocabulary of {VOCABULARY_ASSUMED:,}")
    if run.gated_mlp is None:
        assumed.append("a gated feed-forward block")
    if latent:
        assumed.append("ranks of latent attention as in DeepSeek-V2")
    architecture = Architecture(
        layers=_known(run.layers),
        hidden=hidden,
        heads=heads,
        kv_heads=heads if latent else run.kv_heads or heads,
        head_dim=head_dim or max(1, hidden // heads),
        ffn_hidden=run.dense_ffn_hidden or _known(run.ffn_hidden),
        vocab=run.vocab or VOCABULARY_ASSUMED,
        gated_mlp=run.gated_mlp != 0,
        experts=_experts(run),
        latent_attention=LATENT_RANKS if latent else None,
    )
    return _tied(architecture, run)


def _experts(run: TrainingRun) -> Experts | None:
    if not run.experts:
        return None
    width = _known(run.ffn_hidden)
    return Experts(
        routed=run.experts,
        per_token=run.experts_active or 1,
        ffn_hidden=width,
        shared_ffn_hidden=(run.shared_experts or 0) * width,
        dense_layers=run.dense_layers or 0,
    )


def _tied(architecture: Architecture, run: TrainingRun) -> Architecture:
    """With one matrix for embedding and logits where the published number of parameters is nearer to that."""
    if run.params_b is None:
        return architecture
    untied = count_parameters(architecture)
    published = run.params_b * 1e9
    if abs(untied.total - untied.output_head - published) >= abs(untied.total - published):
        return architecture
    values = {name: getattr(architecture, name) for name in Architecture.__slots__}
    return Architecture(**values | {"tied_embeddings": True})


def _layout(run: TrainingRun, software: Software, assumed: list[str]) -> Layout:
    tensor, pipeline, context = _known(run.tp), _known(run.pp), run.cp or 1
    data = _known(run.n_gpus) // (tensor * pipeline * context)
    if run.micro_batch is None:
        assumed.append("the fastest micro-batch that fits")
    micro_batch = run.micro_batch or 1
    if run.vpp is None and pipeline > 1 and "DeepSpeed" not in (run.framework or ""):
        assumed.append("the fastest interleaving that fits")
    if run.recompute is None:
        assumed.append("no recomputation")
    sequence_parallel = software in ("megatron_core", "torch_native")
    if run.sequence_parallel is not None:
        sequence_parallel = run.sequence_parallel == 1
    elif tensor > 1:
        assumed.append(f"{'' if sequence_parallel else 'no '}sequence parallelism")
    return Layout(
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        sharding=_sharding(run, data * context, assumed),
        micro_batch=micro_batch,
        micro_batches=max(1, _known(run.global_batch_sequences) // (data * micro_batch)),
        recomputation=cast(Recomputation, run.recompute or "none"),
        context=context,
        expert=run.ep or 1,
        interleave=run.vpp or 1,
        sequence_parallel=sequence_parallel,
        offload=OFFLOADED in (run.notes or ""),
        balanced=BALANCED in (run.framework or ""),
    )


def _sharding(run: TrainingRun, ranks: int, assumed: list[str]) -> Sharding:
    if run.zero_or_fsdp_stage is not None:
        return SHARDINGS[run.zero_or_fsdp_stage]
    if ranks == 1:
        return "none"
    for sharding, frameworks in SHARDING_ASSUMED.items():
        if any(name in (run.framework or "") for name in frameworks):
            assumed.append(f"sharding: {sharding}")
            return sharding
    assumed.append("sharding: none")
    return "none"


def _known(value: int | None) -> int:
    """A value of a column in ``NEEDED``, which ``describe`` has looked at."""
    if value is None:
        raise ValueError("a needed column is empty")
    return value
