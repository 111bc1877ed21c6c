"""Hugging Face Accelerate: the file that ``accelerate launch --config_file`` reads (FSDP2), version 1.15."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.launch.emit.model import Emitted, check_batch, commented, header, nodes, refuse
from stellwerk.planner import Plan
from stellwerk.workload import Workload


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
    yield f"mixed_precision: {workload.training.precision}"
    yield f"num_machines: {machines}"
    yield f"num_processes: {layout.devices}"
    yield "machine_rank: 0"
    yield f"rdzv_backend: {'c10d' if machines > 1 else 'static'}"
    yield "main_training_function: main"
    if not _sharded(plan):
        return
    yield "fsdp_config:"
    yield "  fsdp_version: 2"
    yield f"  fsdp_reshard_after_forward: {'true' if layout.sharding == 'full' else 'false'}"
    yield "  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP"
    yield "  fsdp_state_dict_type: SHARDED_STATE_DICT"
    yield "  fsdp_cpu_ram_efficient_loading: true"
    yield "  fsdp_offload_params: false"
    yield f"  fsdp_activation_checkpointing: {'true' if layout.recomputation != 'none' else 'false'}"
    if layout.tensor > 1:
        yield "parallelism_config:"
        yield "  parallelism_config_dp_replicate_size: 1"
        yield f"  parallelism_config_dp_shard_size: {layout.data}"
        yield f"  parallelism_config_tp_size: {layout.tensor}"
        yield "  parallelism_config_cp_size: 1"


def _sharded(plan: Plan) -> bool:
    return plan.layout.sharding != "none" or plan.layout.tensor > 1


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
        f"max_steps={training.steps}"
    )
    yield f"Each sequence has {training.sequence_length} tokens."


def _unsaid(workload: Workload, plan: Plan) -> Iterator[str]:
    layout = plan.layout
    if layout.sharding == "optimizer":
        yield (
            "Accelerate shards no optimizer states alone: weights and gradients are sharded as well, and weights are "
            "kept whole from a forward pass to its backward pass; this needs less memory than planned."
        )
    if layout.sharding == "none" and layout.tensor > 1:
        yield (
            "Accelerate has no replicas beside tensor parallelism: weights, gradients and optimizer states are "
            "sharded; this needs less memory and more communication than planned."
        )
    if layout.recomputation == "selective":
        yield "Accelerate recomputes whole layers or nothing: the planned selective recomputation becomes full."
    if layout.recomputation != "none" and not _sharded(plan):
        yield "Without FSDP the script itself turns recomputation on: gradient_checkpointing=True."
    if layout.tensor > 1:
        yield "Tensor parallelism needs a model with a tp_plan (transformers: from_pretrained(…, tp_plan='auto'))."
    if workload.training.trains_adapters:
        yield (
            f"Adapters ({workload.training.method}, rank {workload.training.lora_rank}) are the script's matter: "
            "peft.LoraConfig on every linear layer."
        )
