"""Hugging Face Accelerate: the file that ``accelerate launch --config_file`` reads (FSDP2), version 1.15."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stellwerk.launch.emit.model import Emitted, check_batch, commented, header, nodes, refuse, sharding_groups
from stellwerk.planner import Layout, Plan
from stellwerk.workload import OptimizerChoice, Precision, Training, Workload

PRECISIONS: Mapping[Precision, str] = {"bf16": "bf16", "fp16": "fp16", "fp8": "fp8", "mxfp8": "bf16", "nvfp4": "bf16"}
OPTIMIZERS: Mapping[OptimizerChoice, str] = {
    "adamw": "",
    "adamw_bf16": "",
    "adamw_8bit": ", optim='adamw_bnb_8bit'",
    "muon": "",
}


def emit_accelerate(workload: Workload, plan: Plan) -> Emitted:
    """YAML. Batch, steps and model are the script's own, so they stand in the comment.

    Raises InputError for a layout with pipeline stages.
    """
    layout = plan.layout
    if layout.pipeline > 1:
        raise refuse("accelerate", f"the plan has {layout.pipeline} pipeline stages", "torchtitan, megatron")
    unsaid = (*_unsaid(workload, plan), *check_batch(layout, workload))
    settings = "".join(f"{line}\n" for line in _settings(workload, plan))
    return Emitted(commented((*header(workload, plan), *_launch(workload, plan), *unsaid)) + settings, unsaid)


def _settings(workload: Workload, plan: Plan) -> Iterator[str]:
    layout = plan.layout
    machines, _ = nodes(plan)
    yield "compute_environment: LOCAL_MACHINE"
    yield f"distributed_type: {'FSDP' if _sharded(plan) else 'MULTI_GPU'}"
    yield f"mixed_precision: {PRECISIONS[workload.training.precision]}"
    yield f"num_machines: {machines}"
    yield f"num_processes: {layout.devices}"
    yield "machine_rank: 0"
    yield f"rdzv_backend: {'c10d' if machines > 1 else 'static'}"
    yield "main_training_function: main"
    if not _sharded(plan):
        return
    yield "fsdp_config:"
    yield "  fsdp_version: 2"
    yield f"  fsdp_reshard_after_forward: {'true' if layout.sharding in ('full', 'hybrid') else 'false'}"
    yield "  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP"
    yield "  fsdp_state_dict_type: SHARDED_STATE_DICT"
    yield "  fsdp_cpu_ram_efficient_loading: true"
    yield f"  fsdp_offload_params: {'true' if layout.offload else 'false'}"
    yield f"  fsdp_activation_checkpointing: {'true' if layout.recomputation != 'none' else 'false'}"
    replicas, shards = sharding_groups(plan) if layout.sharding == "hybrid" else (1, layout.data * layout.context)
    if layout.tensor > 1 or layout.context > 1 or replicas > 1:
        yield "parallelism_config:"
        yield f"  parallelism_config_dp_replicate_size: {replicas}"
        yield f"  parallelism_config_dp_shard_size: {shards // layout.context}"
        yield f"  parallelism_config_tp_size: {layout.tensor}"
        yield f"  parallelism_config_cp_size: {layout.context}"


def _sharded(plan: Plan) -> bool:
    """Whether FSDP is needed: for sharding, and beside other parallelism."""
    layout = plan.layout
    return layout.sharding != "none" or layout.tensor > 1 or layout.context > 1


def _launch(workload: Workload, plan: Plan) -> Iterator[str]:
    machines, _ = nodes(plan)
    arguments = "--config_file FILE"
    if machines > 1:
        arguments += " --machine_rank $NODE_RANK --main_process_ip $MASTER_ADDR --main_process_port 29500"
        yield "On each node, NODE_RANK counting from 0 and MASTER_ADDR the first node's name:"
    yield f"    accelerate launch {arguments} train.py"
    training, layout = workload.training, plan.layout
    yield "The script's own, in the words of transformers.TrainingArguments:"
    yield (
        f"    per_device_train_batch_size={layout.micro_batch}, gradient_accumulation_steps={layout.micro_batches}, "
        f"max_steps={training.steps}{OPTIMIZERS[training.optimizer]}"
    )
    yield f"Each sequence has {training.sequence_length} tokens."


def _unsaid(workload: Workload, plan: Plan) -> Iterator[str]:
    yield from _unsaid_of_the_sharding(plan.layout)
    yield from _unsaid_of_the_recomputation(plan)
    yield from _unsaid_of_the_training(workload.training)


def _unsaid_of_the_sharding(layout: Layout) -> Iterator[str]:
    if layout.sharding == "optimizer":
        yield (
            "Accelerate shards no optimizer states alone: weights and gradients are sharded as well, and weights are "
            "kept whole from a forward pass to its backward pass; this needs less memory than planned."
        )
    if layout.sharding == "gradients":
        yield (
            "Accelerate shards no gradients alone: weights are sharded as well, and kept whole from a forward pass to "
            "its backward pass; this needs less memory than planned."
        )
    if layout.sharding == "none" and (layout.tensor > 1 or layout.context > 1):
        yield (
            "Accelerate has no replicas beside tensor or context parallelism: weights, gradients and optimizer states "
            "are sharded; this needs less memory and more communication than planned."
        )
    if layout.expert > 1:
        yield "Accelerate has no expert parallelism: experts are sharded with everything else, and gathered for use."
    if layout.offload:
        yield "Accelerate moves the weights to the host's memory with the optimizer states: it is slower than planned."
    if layout.tensor > 1:
        yield "Tensor parallelism needs a model with a tp_plan (transformers: from_pretrained(…, tp_plan='auto'))."


def _unsaid_of_the_recomputation(plan: Plan) -> Iterator[str]:
    if plan.layout.recomputation == "selective":
        yield "Accelerate recomputes whole layers or nothing: the planned selective recomputation becomes full."
    if plan.layout.recomputation != "none" and not _sharded(plan):
        yield "Without FSDP the script itself turns recomputation on: gradient_checkpointing=True."


def _unsaid_of_the_training(training: Training) -> Iterator[str]:
    if training.precision in ("mxfp8", "nvfp4"):
        yield f"Accelerate has no {training.precision}: the products run in bf16, and take longer than planned."
    if training.optimizer in ("adamw_bf16", "muon"):
        yield f"transformers has no optimizer {training.optimizer}: the script has to bring it."
    if training.trains_adapters:
        yield (
            f"Adapters ({training.method}, rank {training.lora_rank}) are the script's matter: "
            "peft.LoraConfig on every linear layer."
        )
