"""What each field of an application draft says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stellwerk.broker.draft.flop import flop_estimate
from stellwerk.broker.draft.hours import duration, gpu_hours
from stellwerk.broker.draft.parts import GB, DraftGround, Open, Part, Table, Values, count, figures, size, tenths
from stellwerk.broker.draft.scaling import scalability
from stellwerk.broker.draft.storage import FROZEN_BYTES, WEIGHT_BYTES, storage, trained_parameters
from stellwerk.catalog import ApplicationField, Catalogue, Fact
from stellwerk.messages import Reason, Words, text
from stellwerk.planner import Plan, ServingPlan, optimizer_bytes
from stellwerk.workload import Serving, Training, Workload, adapter_parameters, count_parameters

GRADIENT_BYTES = 4
ADAPTER_STATE_BYTES = 16
"""Of an adapter while it is trained: weights, gradients and optimizer states (docs/formulas/fine-tuning.md)."""
SMALLEST_PART_SHOWN_BYTES = 0.05 * GB


def parts_of(field: ApplicationField, ground: DraftGround) -> tuple[Part, ...]:
    """What a draft says in one field, in the order in which it is read; what is left out of it as Open."""
    write = _WRITERS.get(field)
    if write is None:
        return (Open(Reason("draft_open_text")),)
    parts = tuple(write(ground))
    if field in _FROM_THE_PLAN and ground.plan is None:
        return (*parts, Open(_why_no_plan(ground)))
    return parts or (Open(Reason("draft_open_text")),)


def facts_behind(ground: DraftGround, catalogue: Catalogue) -> dict[str, Fact[Any]]:
    """What the draft takes from the catalogue, by the name of the fact."""
    programme, system, software = ground.programme, ground.system, ground.software
    facts: dict[str, Fact[Any]] = {
        "application_contents": programme.application_contents,
        "page_limit": programme.page_limit,
        "cost": programme.cost if programme.free is not True else Fact(),
    }
    if system is not None:
        facts |= {
            "accelerator": system.accelerator,
            "accelerators_per_node": system.accelerators_per_node,
            "accelerator_memory": system.accelerator_memory_bytes,
            "max_walltime_h": system.max_walltime_h,
        }
        if isinstance(ground.plan, Plan) and system.accelerator_id:
            accelerator = catalogue.accelerators[system.accelerator_id]
            facts["peak"] = accelerator.bf16_flops if accelerator.bf16_flops.known else accelerator.fp16_flops
    if software is not None:
        facts |= {"software_stack": software.software_stack, "container_runtime": software.container_runtime}
        facts["launch_pattern"] = software.launch_pattern
    return {name: fact for name, fact in facts.items() if fact.known}


def _why_no_plan(ground: DraftGround) -> Reason:
    return Reason("draft_open_no_system") if ground.system is None else Reason("draft_open_no_plan")


def _abstract(ground: DraftGround) -> Iterator[Part]:
    workload, task = ground.workload, ground.workload.task
    counts = count_parameters(workload.architecture)
    said: Values = {"parameters": count(counts.total)}
    if isinstance(task, Serving):
        yield Reason("draft_serving", said | {"users": task.users, "requests": task.concurrent_requests})
        yield _load(task)
    else:
        said |= {"tokens": count(task.tokens), "sequence": task.sequence_length, "steps": task.steps}
        said |= {"batch": count(task.tokens_per_step), "precision": task.precision}
        yield Reason("draft_pretraining", said) if task.method == "pretraining" else Reason("draft_finetuning", said)
    if counts.active < counts.total:
        yield Reason("draft_experts", {"active": count(counts.active)})
    if isinstance(task, Training) and task.trains_adapters:
        adapters = adapter_parameters(workload.architecture, task.lora_rank)
        yield Reason("draft_adapters", {"rank": task.lora_rank, "parameters": count(adapters)})
    if isinstance(task, Training) and task.freezes_in_four_bits:
        yield Reason("draft_four_bits")
    if workload.model_name is not None:
        said = {"model": workload.model_name}
        from_scratch = isinstance(task, Training) and task.method == "pretraining"
        yield Reason("draft_architecture_name", said) if from_scratch else Reason("draft_model_name", said)


def _load(serving: Serving) -> Reason:
    said: Values = {
        "prompt": serving.prompt_tokens,
        "output": serving.output_tokens,
        "speed": figures(serving.tokens_per_s),
        "first": figures(serving.first_token_s),
        "weights": serving.weights,
    }
    return Reason("draft_load", said)


def _methods(ground: DraftGround) -> Iterator[Part]:
    yield from _abstract(ground)
    yield from _layout(ground)


def _gpus_per_job(ground: DraftGround) -> Iterator[Part]:
    plan = ground.plan
    if plan is None:
        return
    said = {
        "gpus": plan.devices * ground.gpus_per_device,
        "nodes": math.ceil(plan.devices / plan.machine.devices_per_node),
        "per_node": plan.machine.devices_per_node * ground.gpus_per_device,
    }
    yield Reason("draft_gpus", said) if isinstance(plan, Plan) else Reason("draft_gpus_of_a_service", said)
    if ground.gpus_per_device != 1:
        yield Reason("draft_devices", {"devices": plan.devices})
    yield from _layout(ground)


def _layout(ground: DraftGround) -> Iterator[Part]:
    plan = ground.plan
    if isinstance(plan, ServingPlan):
        yield Reason("draft_replicas", {"replicas": plan.replicas, "gpus": plan.tensor * ground.gpus_per_device})
    elif plan is not None:
        layout = plan.layout
        if layout.devices == 1:
            yield Reason("draft_layout_single")
        else:
            said = {"tensor": layout.tensor, "pipeline": layout.pipeline, "data": layout.data}
            yield Reason("draft_layout", said | {"sharding": layout.sharding})
        said_of_step = {"micro_batch": layout.micro_batch, "micro_batches": layout.micro_batches}
        yield Reason("draft_micro_batches", said_of_step | {"recomputation": layout.recomputation})


def _memory(ground: DraftGround) -> Iterator[Part]:
    plan = ground.plan
    if plan is None:
        yield from _memory_of_the_states(ground.workload)
        return
    said: Values = {"gb": plan.memory_bytes / GB, "available_gb": plan.machine.memory_bytes / GB}
    yield Reason("draft_memory", said) if ground.gpus_per_device == 1 else Reason("draft_memory_device", said)
    rows = [
        (Words(text(f"memory.{part}", "en"), text(f"memory.{part}", "de")), tenths(size_bytes / GB))
        for part, size_bytes in sorted(plan.memory_parts_bytes.items(), key=lambda item: -item[1])
        if size_bytes >= SMALLEST_PART_SHOWN_BYTES
    ]
    yield Table(("part", "gb"), tuple(rows))


def _memory_of_the_states(workload: Workload) -> Iterator[Part]:
    """What holds on any system: the states of a training, before activations."""
    task = workload.task
    if isinstance(task, Serving) or task.freezes_in_four_bits:
        return
    trained = trained_parameters(workload, task)
    if task.trains_adapters:
        frozen = FROZEN_BYTES * count_parameters(workload.architecture).total
        said = {"frozen": size(float(frozen)), "trained": size(float(ADAPTER_STATE_BYTES * trained))}
        yield Reason("draft_memory_states_adapters", said)
    else:
        states = optimizer_bytes(task.optimizer)
        bytes_each = WEIGHT_BYTES + GRADIENT_BYTES + states
        of_one: Values = {"bytes": bytes_each, "states": states, "optimizer": task.optimizer}
        yield Reason("draft_memory_states", of_one | {"size": size(bytes_each * trained)})


def _hardware(ground: DraftGround) -> Iterator[Part]:
    system = ground.system
    if system is None:
        yield Open(Reason("draft_open_no_system"))
        return
    accelerator, each = system.accelerator.value, system.accelerators_per_node.value
    memory_bytes = system.accelerator_memory_bytes.value
    name = system.system.value or system.id
    if accelerator is None:
        yield Reason("draft_hardware_name", {"name": name})
        return
    if each is None:
        yield Reason("draft_hardware_kind", {"name": name, "accelerator": accelerator})
        return
    yield Reason("draft_hardware", {"name": name, "accelerator": accelerator, "per_node": each})
    if memory_bytes is not None:
        yield Reason("draft_hardware_memory", {"gb": memory_bytes / GB})


def _software(ground: DraftGround) -> Iterator[Part]:
    software = ground.software
    if software is not None:
        if software.software_stack.value is not None:
            yield Reason("draft_software_stack", {"quote": software.software_stack.value})
        if software.container_runtime.value is not None:
            yield Reason("draft_containers", {"quote": software.container_runtime.value})
        if software.launch_pattern.value is not None:
            yield Reason("draft_launch", {"quote": software.launch_pattern.value})
    yield Open(Reason("draft_open_framework"))


def _data(ground: DraftGround) -> Iterator[Part]:
    data, task = ground.workload.data, ground.workload.task
    yield Reason("draft_sensitivity", {"sensitivity": data.sensitivity})
    if data.locations:
        yield Reason("draft_locations", {"countries": ", ".join(data.locations)})
    if data.sensitivity in ("personal", "sensitive_personal"):
        yield Open(Reason("draft_open_protection"))
    if isinstance(task, Serving):
        yield Open(Reason("draft_open_requests"))
    elif task.method == "pretraining":
        yield Open(Reason("draft_open_origin"))
    else:
        yield Open(Reason("draft_open_origin_and_model"))


def _openness(ground: DraftGround) -> Iterator[Part]:
    published = ground.workload.applicant.open_results
    if published is True:
        yield Reason("draft_open_results")
    elif published is False:
        yield Reason("draft_closed_results")


_WRITERS: Mapping[ApplicationField, Callable[[DraftGround], Iterator[Part]]] = {
    "abstract": _abstract,
    "methods": _methods,
    "flop": flop_estimate,
    "gpus_per_job": _gpus_per_job,
    "gpu_hours": gpu_hours,
    "duration": duration,
    "scalability": scalability,
    "memory": _memory,
    "storage": storage,
    "hardware": _hardware,
    "software": _software,
    "data": _data,
    "openness": _openness,
}
"""Fields that are not here are the applicant's to write."""
_FROM_THE_PLAN: frozenset[ApplicationField] = frozenset(
    ("gpus_per_job", "gpu_hours", "duration", "scalability", "memory")
)
"""Fields that say nothing, or not all, without a plan."""
