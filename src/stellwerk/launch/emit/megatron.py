"""Megatron-LM: a shell script that starts pretrain_gpt.py with all arguments of model and layout (core_v0.16.1)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from stellwerk.launch.emit.model import (
    Emitted,
    check_batch,
    commented,
    header,
    nodes,
    refuse,
    sharding_groups,
)
from stellwerk.planner import Layout, Plan
from stellwerk.planner.model import Sharding
from stellwerk.workload import Architecture, Experts, LatentAttention, OptimizerChoice, Precision, Workload

DATA = "--mock-data"
SAVE_EVERY = 500
FSDP_STRATEGIES: Mapping[Sharding, str] = {
    "gradients": "optim_grads",
    "full": "optim_grads_params",
    "hybrid": "optim_grads_params",
}
MOMENTS: Mapping[OptimizerChoice, str] = {"adamw": "fp32", "adamw_bf16": "bf16", "adamw_8bit": "fp8", "muon": "fp32"}
PRECISIONS: Mapping[Precision, tuple[str, ...]] = {
    "bf16": ("--bf16",),
    "fp16": ("--fp16",),
    "fp8": ("--bf16", "--fp8-format", "hybrid", "--fp8-recipe", "tensorwise"),
    "mxfp8": ("--bf16", "--fp8-format", "e4m3", "--fp8-recipe", "mxfp8"),
    "nvfp4": ("--bf16", "--fp4-format", "e2m1", "--fp4-recipe", "nvfp4"),
}
Arguments = Iterator[tuple[object, ...]]
"""Each an option and its values."""


def emit_megatron(workload: Workload, plan: Plan) -> Emitted:
    """A script for sh. Raises InputError where Megatron-LM has no such model, or trains no adapters."""
    if workload.training.trains_adapters:
        raise refuse("megatron", f"it trains all parameters, not {workload.training.method}", "accelerate")
    _check_model(workload.architecture)
    _check_optimizer(workload, plan)
    unsaid = (*_unsaid(workload, plan), *check_batch(plan.layout, workload))
    arguments = (
        *_model(workload.architecture, workload.training.sequence_length),
        *_layout(workload, plan),
        *_run(workload),
    )
    vocabulary = workload.architecture.vocab
    tokenizer = f"--tokenizer-type NullTokenizer --vocab-size {vocabulary - 1}"  # it adds one token for the end
    lines = [
        "set -eu",
        f': "${{DATA:={DATA}}}" # or: --data-path /data/text_document --split 99,1,0',
        f': "${{TOKENIZER:={tokenizer}}}" # or: --tokenizer-type HuggingFaceTokenizer --tokenizer-model FOLDER',
        ': "${CHECKPOINTS:=checkpoints}"',
        *([] if workload.run.learning_rate else [': "${LEARNING_RATE:?the workload states none: set it}"']),
        *_environment(plan),
        *_start(plan),
        *(f"    {' '.join(map(_quoted, argument))} \\" for argument in arguments),
        '    --save "$CHECKPOINTS" --load "$CHECKPOINTS" $TOKENIZER $DATA "$@"',
    ]
    text = "#!/bin/sh\n" + commented((*header(workload, plan), *unsaid)) + "".join(f"{line}\n" for line in lines)
    return Emitted(text, unsaid)


def _check_model(architecture: Architecture) -> None:
    biases = (architecture.attention_bias, architecture.output_bias, architecture.mlp_bias)
    for has, what in (
        (architecture.norm_parameters == 0, "norms without parameters"),
        (architecture.norms_per_layer != 2, f"{architecture.norms_per_layer} norms in each layer"),
        (architecture.head_bias, "a bias on the logits"),
        (architecture.qk_norm and architecture.qk_norm_width != "head", "norms over all heads' queries at once"),
        (biases not in ((False,) * 3, (True,) * 3, (True, False, False)), "biases in some blocks only"),
    ):
        if has:
            raise refuse("megatron", f"the model has {what}, which no argument says", "accelerate")


def _check_optimizer(workload: Workload, plan: Plan) -> None:
    if workload.training.optimizer != "muon":
        return
    layout = plan.layout
    if layout.sharding not in ("none", "optimizer"):
        raise refuse("megatron", f"its Muon has no sharding {layout.sharding}", "accelerate")
    if layout.offload:
        raise refuse("megatron", "its Muon keeps no states in the host's memory", "accelerate")


def _model(architecture: Architecture, sequence_length: int) -> Arguments:
    a = architecture
    yield "--num-layers", a.layers, "--hidden-size", a.hidden, "--ffn-hidden-size", a.ffn_hidden
    yield from _latent_attention(a, a.latent_attention) if a.latent_attention else _attention(a)
    yield "--seq-length", sequence_length, "--max-position-embeddings", a.positions or sequence_length
    yield "--position-embedding-type", "learned_absolute" if a.positions else "rope"
    yield "--normalization", "RMSNorm" if a.norm_parameters == 1 else "LayerNorm"
    if a.gated_mlp:
        yield ("--swiglu",)
    if not a.mlp_bias:
        yield ("--disable-bias-linear",)
    if not a.tied_embeddings:
        yield ("--untie-embeddings-and-output-weights",)
    if a.experts:
        yield from _experts(a.experts, a.layers)
    yield "--make-vocab-size-divisible-by", 1
    yield "--attention-dropout", 0, "--hidden-dropout", 0


def _attention(a: Architecture) -> Arguments:
    yield "--num-attention-heads", a.heads, "--kv-channels", a.head_dim
    if a.kv_heads != a.heads:
        yield "--group-query-attention", "--num-query-groups", a.kv_heads
    if a.attention_bias and not a.mlp_bias:
        yield ("--add-qkv-bias",)
    if a.qk_norm:
        yield ("--qk-layernorm",)
    if a.attention_window:
        yield "--window-size", f"{a.attention_window - 1},0"  # before the token, after it
        if a.windowed_layers < a.layers:
            yield "--window-attn-skip-freq", f"([1]*{a.windowed_layers}+[0]*{a.layers - a.windowed_layers})"


def _latent_attention(a: Architecture, latent: LatentAttention) -> Arguments:
    yield "--num-attention-heads", a.heads
    yield "--multi-latent-attention", "--kv-lora-rank", latent.key_value_rank
    if latent.query_rank:
        yield "--q-lora-rank", latent.query_rank
    yield "--qk-head-dim", a.head_dim, "--qk-pos-emb-head-dim", latent.rope_head_dim
    yield "--v-head-dim", latent.value_head_dim


def _experts(experts: Experts, layers: int) -> Arguments:
    yield "--num-experts", experts.routed, "--moe-router-topk", experts.per_token
    yield "--moe-ffn-hidden-size", experts.ffn_hidden
    if experts.dense_layers:
        yield "--moe-layer-freq", f"([0]*{experts.dense_layers}+[1]*{layers - experts.dense_layers})"
    if experts.shared_ffn_hidden:
        yield "--moe-shared-expert-intermediate-size", experts.shared_ffn_hidden
    if experts.shared_gate:
        yield ("--moe-shared-expert-gate",)
    if experts.router_bias:
        yield "--moe-router-enable-expert-bias", "--moe-router-score-function", "sigmoid"
    yield "--moe-grouped-gemm", "--moe-token-dispatcher-type", "alltoall"


def _layout(workload: Workload, plan: Plan) -> Arguments:
    layout = plan.layout
    yield "--tensor-model-parallel-size", layout.tensor, "--pipeline-model-parallel-size", layout.pipeline
    yield from _stages(workload.architecture.layers, layout)
    if layout.tensor > 1 and layout.sequence_parallel:
        yield ("--sequence-parallel",)
    if layout.context > 1:
        yield "--context-parallel-size", layout.context
    if layout.expert > 1:
        yield "--expert-model-parallel-size", layout.expert, "--expert-tensor-parallel-size", 1
    yield from _sharding(workload, plan)
    yield (
        *("--micro-batch-size", layout.micro_batch),
        *("--global-batch-size", layout.data * layout.micro_batch * layout.micro_batches),
    )
    if layout.recomputation == "full":
        yield "--recompute-granularity", "full", "--recompute-method", "uniform", "--recompute-num-layers", 1
    elif layout.recomputation == "selective":
        yield "--recompute-granularity", "selective", "--recompute-modules", "layernorm"


def _stages(layers: int, layout: Layout) -> Arguments:
    """Where the layers cannot be spread evenly, the first pieces take one more, stage by stage."""
    pieces = layout.pipeline * layout.interleave
    each, more = divmod(layers, pieces)
    if more:
        sizes = [each + 1] * more + [each] * (pieces - more)
        inner = "|".join(f"t*{size}" if size else "" for size in sizes)
        yield "--pipeline-model-parallel-layout", f"E{inner}L"
    elif layout.interleave > 1:
        yield "--num-virtual-stages-per-pipeline-rank", layout.interleave


def _sharding(workload: Workload, plan: Plan) -> Arguments:
    layout = plan.layout
    if workload.training.optimizer == "muon":
        yield "--optimizer", "muon" if layout.sharding == "none" else "dist_muon"
        return
    if layout.sharding in FSDP_STRATEGIES:
        yield "--use-megatron-fsdp", "--data-parallel-sharding-strategy", FSDP_STRATEGIES[layout.sharding]
        yield "--use-distributed-optimizer", "--no-gradient-accumulation-fusion", "--ckpt-format", "fsdp_dtensor"
        if layout.sharding == "hybrid":
            yield "--num-distributed-optimizer-instances", sharding_groups(plan)[0]
    elif layout.sharding == "optimizer":
        yield "--use-distributed-optimizer", "--overlap-grad-reduce", "--overlap-param-gather"
    elif layout.offload or workload.training.optimizer != "adamw":
        yield "--use-distributed-optimizer", "--overlap-grad-reduce"  # which states of other precision ask for
    else:
        yield ("--overlap-grad-reduce",)
    moments = MOMENTS[workload.training.optimizer]
    if layout.offload or moments != "fp32":
        yield ("--use-precision-aware-optimizer",)
    if moments != "fp32":
        yield "--exp-avg-dtype", moments, "--exp-avg-sq-dtype", moments
    if layout.offload:
        yield "--optimizer-cpu-offload", "--overlap-cpu-optimizer-d2h-h2d"


def _run(workload: Workload) -> Arguments:
    training, run = workload.training, workload.run
    steps = training.steps
    yield PRECISIONS[training.precision]
    yield "--train-iters", steps, "--lr-decay-iters", steps, "--lr-warmup-fraction", run.warm_up_share
    if run.schedule == "wsd":
        yield "--lr-decay-style", "WSD", "--lr-wsd-decay-style", "linear"
        yield "--lr-wsd-decay-iters", round(run.decay_share * steps)
    else:
        yield "--lr-decay-style", run.schedule
    if run.learning_rate:
        yield "--lr", run.learning_rate, "--min-lr", run.learning_rate * run.final_share
    else:
        yield "--lr", "$LEARNING_RATE", "--min-lr", 0
    yield "--weight-decay", run.weight_decay, "--clip-grad", run.gradient_clip
    yield "--adam-beta1", 0.9, "--adam-beta2", 0.95, "--seed", run.seed
    yield "--save-interval", run.checkpoint_every or SAVE_EVERY, "--log-interval", 1, "--exit-signal-handler"


def _environment(plan: Plan) -> Iterator[str]:
    if plan.layout.sharding in FSDP_STRATEGIES:
        yield "unset CUDA_DEVICE_MAX_CONNECTIONS # with 1, sharding would not overlap"
    elif plan.layout.tensor > 1:
        yield "export CUDA_DEVICE_MAX_CONNECTIONS=1 # which tensor parallelism asks for before Blackwell"
    elif plan.layout.context > 1:
        yield "export CUDA_DEVICE_MAX_CONNECTIONS=1 # which context parallelism asks for before Blackwell"


def _start(plan: Plan) -> Iterator[str]:
    machines, per_node = nodes(plan)
    if machines == 1:
        yield f"exec torchrun --standalone --nproc-per-node {per_node} pretrain_gpt.py \\"
    else:
        yield "# on each node; NODE_RANK counts from 0, MASTER_ADDR is the name of the first"
        yield f'exec torchrun --nnodes {machines} --nproc-per-node {per_node} --node-rank "$NODE_RANK" \\'
        yield '    --master-addr "$MASTER_ADDR" --master-port 29500 pretrain_gpt.py \\'


def _quoted(word: object) -> str:
    text = str(word)
    return f'"{text}"' if text.startswith("$") else shlex.quote(text)


def _unsaid(workload: Workload, plan: Plan) -> Iterator[str]:
    architecture, layout = workload.architecture, plan.layout
    if not architecture.positions:
        yield "The workload knows no base of the rotary positions: it is 10000 unless --rotary-base says another."
    if architecture.gated_mlp:
        yield "The workload knows no activation function: SwiGLU is taken."
    if architecture.attention_window and architecture.windowed_layers < architecture.layers:
        yield "The workload counts the layers with a window and knows no order: they are put first."
    if architecture.experts:
        yield "No load balancing of the experts is set: see --moe-router-load-balancing-type and --moe-aux-loss-coeff."
    if workload.run.learning_rate is None:
        yield "The workload states no learning rate: set LEARNING_RATE."
    if layout.recomputation == "selective":
        yield (
            "Megatron's selective recomputation can repeat the norms, not the activation function of a dense block: "
            "this needs more memory than planned."
        )
    if workload.training.optimizer == "adamw_8bit":
        yield "Megatron's moments in 8 bits are floating-point numbers with a scale for each tensor, not each block."
    if workload.training.optimizer == "muon" and layout.sharding == "optimizer":
        yield "Megatron's distributed Muon gives each rank whole layers, and hides no communication."
    if workload.training.method == "full":
        yield "Fine-tuning: convert the model to start from with tools/checkpoint, and add --finetune --load FOLDER."
