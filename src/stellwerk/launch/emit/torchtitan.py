"""torchtitan 0.3: a Python module with one function that returns the Trainer's configuration.

From 0.3 on torchtitan reads no TOML. The model's layers are built by the private functions of its model packages, which
is the only way to sizes that torchtitan does not list; scripts/check-emitted holds them against the release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stellwerk.launch.emit.model import Emitted, check_batch, commented, header, nodes, refuse, sharding_groups
from stellwerk.planner import Layout, Plan
from stellwerk.workload import Architecture, Workload

DEFAULT_LEARNING_RATE = 3e-4
"""That of torchtitan's own llama3_8b."""
ROPE_BASE = {"llama3": 500_000.0, "qwen3": 1_000_000.0}
"""Of the models after which torchtitan names its packages."""
_RECOMPUTATION = {"none": "None", "selective": "SelectiveAC.Config()", "full": "FullAC.Config()"}
_OTHERS = "megatron, accelerate"


def emit_torchtitan(workload: Workload, plan: Plan) -> Emitted:
    """Python. Raises InputError where torchtitan has no such model, or trains no adapters."""
    if workload.training.trains_adapters:
        raise refuse("torchtitan", f"it trains all parameters, not {workload.training.method}", "accelerate")
    if plan.layout.pipeline > 1 and workload.architecture.tied_embeddings:
        raise refuse("torchtitan", "it ties no embeddings across pipeline stages", "megatron")
    family = _family(workload.architecture)
    unsaid = (*_unsaid(workload, plan, family), *check_batch(plan.layout, workload))
    # with a prefix, so that no name is a keyword, a number or one of the imports
    name = f"stellwerk_{re.sub(r'[^a-z0-9]+', '_', workload.name.lower()).strip('_')}"
    text = commented((*header(workload, plan), *_launch(plan, name), *unsaid)) + _module(workload, plan, family, name)
    return Emitted(text, unsaid)


def _family(architecture: Architecture) -> str:
    """The package of torchtitan.models that builds such layers."""
    for has, what in (
        (architecture.experts, "experts (its mixtures are built per published model)"),
        (architecture.latent_attention, "latent attention (built per published model)"),
        (architecture.positions, "learned positions"),
        (architecture.windowed_layers, "attention windows"),
        (not architecture.gated_mlp, "a feed-forward block without a gate"),
        (architecture.norm_parameters != 1, "norms other than RMSNorm"),
        (architecture.norms_per_layer != 2, f"{architecture.norms_per_layer} norms in each layer"),
        (architecture.attention_bias or architecture.output_bias or architecture.mlp_bias, "biases"),
        (architecture.head_bias, "a bias on the logits"),
        (architecture.qk_norm and architecture.qk_norm_width != "head", "norms over all heads' queries at once"),
    ):
        if has:
            raise refuse("torchtitan", f"the model has {what}, which none of its dense models has", _OTHERS)
    if architecture.qk_norm:
        return "qwen3"
    if architecture.head_dim * architecture.heads != architecture.hidden:
        raise refuse("torchtitan", "the heads together are not as wide as the model", _OTHERS)
    return "llama3"


def _launch(plan: Plan, name: str) -> Iterator[str]:
    machines, per_node = nodes(plan)
    rendezvous = "--standalone" if machines == 1 else "--rdzv-backend c10d --rdzv-endpoint $MASTER_ADDR:29500"
    yield f"Save it as {name}.py and start it where it lies, on each node:"
    yield (
        f"    PYTHONPATH=. torchrun --nnodes {machines} --nproc-per-node {per_node} {rendezvous} "
        f"-m torchtitan.train --module {name} --config {name}"
    )


def _unsaid(workload: Workload, plan: Plan, family: str) -> Iterator[str]:
    layout, run = plan.layout, workload.run
    yield f"The workload knows no base of the rotary positions: {ROPE_BASE[family]:.0f} is that of {family}."
    yield "hf_assets_path (the tokenizer) and the data set are to be filled in."
    if run.learning_rate is None:
        yield f"The workload states no learning rate: {DEFAULT_LEARNING_RATE:g} is that of torchtitan's llama3_8b."
    if layout.sharding == "optimizer":
        yield (
            "torchtitan shards no optimizer states alone: weights and gradients are sharded as well, and weights are "
            "kept whole from a forward pass to its backward pass; this needs less memory than planned."
        )
    if layout.recomputation == "selective":
        yield "torchtitan's selective recomputation keeps other results than the plan counts with."
    if layout.sharding == "gradients":
        yield (
            "torchtitan shards no gradients alone: weights are sharded as well, and kept whole from a forward pass to "
            "its backward pass; this needs less memory than planned."
        )
    if layout.offload:
        yield "torchtitan moves weights and gradients to the host's memory with the optimizer states, or none of them."
    if workload.training.precision != "bf16":
        yield f"torchtitan trains in bf16 here, not in {workload.training.precision}; see its docs on quantisation."
    if workload.training.optimizer != "adamw":
        yield f"The optimizer is AdamW with moments in fp32, not {workload.training.optimizer}."
    if workload.training.method == "full":
        yield "Fine-tuning: checkpoint.initial_load_path is the model to start from, in Hugging Face layout."


def _module(workload: Workload, plan: Plan, family: str, name: str) -> str:
    training, layout, run = workload.training, plan.layout, workload.run
    warm_up = round(run.warm_up_share * training.steps)
    wsd = run.schedule == "wsd"
    stage_batch = layout.micro_batch * (layout.micro_batches if layout.pipeline > 1 else 1)
    replicate, shard = sharding_groups(plan)
    if layout.sharding == "none":  # the ranks of a sequence hold the same weights; torchtitan shards over them
        replicate, shard = layout.data, 1
    else:
        shard //= layout.context
    reshard = "always" if layout.sharding in ("full", "hybrid") else "never"
    policy = _RECOMPUTATION[layout.recomputation]
    ac_import = f"from torchtitan.distributed.activation_checkpoint import {policy[:-9]}\n" if "AC" in policy else ""
    load = 'initial_load_path="FILL IN", initial_load_in_hf=True, ' if training.method == "full" else ""
    return f"""\
from dataclasses import replace

from torchtitan.components.checkpoint import CheckpointManager
from torchtitan.components.loss import ChunkedLossWrapper, CrossEntropyLoss
from torchtitan.components.optimizer import LRSchedulersContainer, default_adamw
from torchtitan.config import CompileConfig, DebugConfig, ParallelismConfig, TrainingConfig
{ac_import}from torchtitan.hf_datasets.text_datasets import HuggingFaceTextDataLoader
from torchtitan.models import {family}
from torchtitan.models.common import {_ROPE_CLASS[family]}, Embedding, Linear, RMSNorm
from torchtitan.trainer import Trainer


{_model(workload.architecture, family, training.sequence_length)}

def {name}() -> Trainer.Config:
    spec = replace({family}.model_registry("{_ANY_FLAVOR[family]}"), flavor="{name}", model=model())
    return Trainer.Config(
        model_spec=spec,
        hf_assets_path="FILL IN",
        loss=ChunkedLossWrapper.Config(loss_fn=CrossEntropyLoss.Config(global_vocab_size={workload.architecture.vocab})),
        dataloader=HuggingFaceTextDataLoader.Config(dataset="c4"),
        optimizer=default_adamw(lr={run.learning_rate or DEFAULT_LEARNING_RATE}),
        lr_scheduler=LRSchedulersContainer.Config(
            warmup_steps={warm_up},
            decay_ratio={run.decay_share if wsd else None},
            decay_type="{"linear" if wsd else "cosine"}",
            min_lr_factor={run.final_share},
        ),
        training=TrainingConfig(
            local_batch_size={stage_batch},
            global_batch_size={layout.data * layout.micro_batch * layout.micro_batches},
            seq_len={training.sequence_length},
            steps={training.steps},
            max_norm={run.gradient_clip},
            mixed_precision_param="bfloat16",
            disable_cuda_graphs={layout.pipeline > 1},
        ),
        parallelism=ParallelismConfig(
            data_parallel_replicate_degree={replicate},
            data_parallel_shard_degree={shard},
            fsdp_reshard_after_forward="{reshard}",
            tensor_parallel_degree={layout.tensor},
            pipeline_parallel_degree={layout.pipeline},
            pipeline_parallel_schedule="{"Interleaved1F1B" if layout.interleave > 1 else "1F1B"}",
            pipeline_parallel_microbatch_size={layout.micro_batch if layout.pipeline > 1 else 1},
{_more_parallelism(workload.architecture, layout)}\
        ),
        activation_checkpoint={policy},
        compile=CompileConfig(enable={run.compile is not False}),
        checkpoint=CheckpointManager.Config(enable=True, {load}interval={run.checkpoint_every or 500}),
        debug=DebugConfig(seed={run.seed}),
    )
"""


def _more_parallelism(architecture: Architecture, layout: Layout) -> str:
    settings: dict[str, object] = {}
    if layout.interleave > 1:
        # Equal pieces: torchtitan otherwise takes a layer off the first and the last one.
        settings["pipeline_parallel_layers_per_stage"] = -(
            -architecture.layers // (layout.pipeline * layout.interleave)
        )
        settings |= {f"pipeline_parallel_{end}_stage_less_layers": 0 for end in ("first", "last")}
    if layout.context > 1:
        settings["context_parallel_degree"] = layout.context
    if layout.tensor > 1 and not layout.sequence_parallel:
        settings["enable_sequence_parallel"] = False
    return "".join(f"            {name}={value},\n" for name, value in settings.items())


_ROPE_CLASS = {"llama3": "ComplexRoPE", "qwen3": "CosSinRoPE"}
_ANY_FLAVOR = {"llama3": "8B", "qwen3": "8B"}
"""Its functions for parallelising and loading serve every size."""


def _model(architecture: Architecture, family: str, sequence_length: int) -> str:
    a = architecture
    module, kind = family, {"llama3": "Llama3Model", "qwen3": "Qwen3Model"}[family]
    head_dim = f"            head_dim={a.head_dim},\n" if family == "qwen3" else ""
    rope = f"{_ROPE_CLASS[family]}.Config(dim={a.head_dim}, max_seq_len={sequence_length}, theta={ROPE_BASE[family]})"
    embedding = "_EMBEDDING_SKIP_INIT" if a.tied_embeddings else "_EMBEDDING_INIT"
    output = f"{module}._output_linear_init({a.hidden})" if family == "llama3" else f"{module}._LINEAR_INIT"
    norm = f"{module}._NORM_INIT"
    return f"""\
def model() -> {module}.{kind}.Config:
    return {module}.{kind}.Config(
        dim={a.hidden},
        vocab_size={a.vocab},
        enable_weight_tying={a.tied_embeddings},
        tok_embeddings=Embedding.Config(
            num_embeddings={a.vocab}, embedding_dim={a.hidden}, param_init={module}.{embedding}
        ),
        norm=RMSNorm.Config(normalized_shape={a.hidden}, param_init={norm}),
        lm_head=Linear.Config(in_features={a.hidden}, out_features={a.vocab}, param_init={output}),
        layers={module}._build_{family}_layers(
            n_layers={a.layers},
            dim={a.hidden},
            n_heads={a.heads},
            n_kv_heads={a.kv_heads},
{head_dim}            hidden_dim={a.ffn_hidden},
            rope={rope},
            attn_backend="flex",
        ),
    )
"""
