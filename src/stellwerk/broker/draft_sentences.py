"""What each field of an application draft says, as reasons with their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stellwerk.broker.finish import jobs_of
from stellwerk.broker.grants import UNIT_NAMES, amount_needed, limits_on
from stellwerk.broker.model import JudgedOffer
from stellwerk.catalog import ApplicationField, Fact, Programme, Software, System
from stellwerk.messages import Reason, Words, count_text, text
from stellwerk.planner import Plan, ServingPlan
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from stellwerk.workload import (
    Serving,
    Training,
    Workload,
    adapter_parameters,
    count_parameters,
    training_flops_per_token,
)

GB, TB, TERA = 1e9, 1e12, 1e12
CHECKPOINT_BYTES = 14
"""Per trained parameter: in 16 bits, in fp32, and the two moments of AdamW (docs/formulas/memory.md)."""
ADAPTER_CHECKPOINT_BYTES = 12
"""Adapters have no 16-bit copy (docs/formulas/fine-tuning.md)."""


@dataclass(frozen=True, slots=True)
class DraftGround:
    """What a draft is written from. ``scaling`` has (devices, predicted seconds of the run), fewest devices first."""

    workload: Workload
    system: System
    programme: Programme
    judged: JudgedOffer
    software: Software | None
    scaling: tuple[tuple[int, float], ...]


def _abstract(ground: DraftGround) -> Iterator[Reason]:
    workload, task = ground.workload, ground.workload.task
    counts = count_parameters(workload.architecture)
    said: dict[str, str | int | float | Words] = {"parameters": _count(counts.total)}
    if isinstance(task, Serving):
        yield Reason("draft_serving", said | {"users": task.users, "requests": task.concurrent_requests})
    else:
        said |= {"tokens": _count(task.tokens), "sequence": task.sequence_length}
        said |= {"batch": _count(task.tokens_per_step), "precision": task.precision}
        yield Reason("draft_pretraining", said) if task.method == "pretraining" else Reason("draft_finetuning", said)
    if counts.active < counts.total:
        yield Reason("draft_experts", {"active": _count(counts.active)})
    if isinstance(task, Training) and task.trains_adapters:
        adapters = adapter_parameters(workload.architecture, task.lora_rank)
        yield Reason("draft_adapters", {"rank": task.lora_rank, "parameters": _count(adapters)})
    if isinstance(task, Training) and task.freezes_in_four_bits:
        yield Reason("draft_four_bits")


def _methods(ground: DraftGround) -> Iterator[Reason]:
    yield from _abstract(ground)
    yield from _layout(ground)


def _flop(ground: DraftGround) -> Iterator[Reason]:
    workload, plan = ground.workload, ground.judged.plan
    if isinstance(workload.task, Serving):
        return
    per_token, tokens = training_flops_per_token(workload.architecture, workload.task), workload.task.tokens
    flop = per_token * tokens
    yield Reason(
        "draft_flop", {"flop": _power_of_ten(flop), "per_token": _power_of_ten(per_token), "tokens": _count(tokens)}
    )
    rule = 6.0 * count_parameters(workload.architecture).active * tokens
    if workload.task.method == "pretraining":
        yield Reason("draft_flop_rule", {"flop": _power_of_ten(rule)})
    if plan is not None:
        sustained = (plan.device_hours * (SECONDS_PER_HOUR * TERA / flop)).reciprocal()
        yield Reason("draft_sustained", sustained.as_dict() | {"machine": plan.machine.name})


def _gpus_per_job(ground: DraftGround) -> Iterator[Reason]:
    plan = ground.judged.plan
    if plan is None:
        return
    modules = _modules_per_device(ground, plan)
    nodes = -(-plan.devices // plan.machine.devices_per_node)
    per_node = plan.machine.devices_per_node * modules
    yield Reason("draft_gpus", {"gpus": plan.devices * modules, "nodes": nodes, "per_node": per_node})
    if modules != 1:
        yield Reason("draft_devices", {"devices": plan.devices})
    yield from _layout(ground)


def _layout(ground: DraftGround) -> Iterator[Reason]:
    plan = ground.judged.plan
    if isinstance(plan, Plan):
        layout = plan.layout
        yield Reason("draft_layout", {"tensor": layout.tensor, "pipeline": layout.pipeline, "data": layout.data})
    elif plan is not None:
        yield Reason("draft_replicas", {"replicas": plan.replicas, "tensor": plan.tensor})


def _gpu_hours(ground: DraftGround) -> Iterator[Reason]:
    plan = ground.judged.plan
    if plan is None:
        return
    yield Reason("draft_gpu_hours", (plan.device_hours * _modules_per_device(ground, plan)).as_dict())
    for limit in limits_on(ground.programme, ground.system):
        needed = amount_needed(limit, ground.system, plan)
        if needed is None:
            continue
        if limit.unit != "gpu_h":
            yield Reason("draft_amount", needed.as_dict() | {"unit": UNIT_NAMES[limit.unit]})
        if limit.minimum is not None:
            yield Reason("draft_amount_minimum", {"amount": limit.minimum, "unit": UNIT_NAMES[limit.unit]})
        if limit.maximum is not None:
            yield Reason("draft_amount_maximum", {"amount": limit.maximum, "unit": UNIT_NAMES[limit.unit]})
            if needed.high > limit.maximum:
                yield Reason("draft_above_maximum")
    yield Reason("draft_not_in_the_hours")


def _duration(ground: DraftGround) -> Iterator[Reason]:
    plan = ground.judged.plan
    if plan is None:
        return
    if isinstance(ground.workload.task, Serving):
        yield Reason("draft_service_days", {"days": plan.duration_s.best / SECONDS_PER_DAY})
        return
    yield Reason("draft_duration", (plan.duration_s * (1 / SECONDS_PER_DAY)).as_dict())
    hours = ground.system.max_walltime_h.value
    jobs = jobs_of(plan, hours)
    if hours is not None and jobs is not None and jobs > 1:
        yield Reason("draft_jobs", {"jobs": jobs, "hours": hours})


def _scalability(ground: DraftGround) -> Iterator[Reason]:
    if not ground.scaling:
        return
    fewest, slowest_s = ground.scaling[0]
    yield Reason("draft_scaling")
    for devices, duration_s in ground.scaling:
        efficiency = slowest_s * fewest / (duration_s * devices)
        said = {"gpus": devices, "days": duration_s / SECONDS_PER_DAY, "efficiency": round(100 * efficiency)}
        yield Reason("draft_scaling_row", said)


def _memory(ground: DraftGround) -> Iterator[Reason]:
    plan = ground.judged.plan
    if plan is None:
        return
    available = plan.machine.memory_bytes
    yield Reason("draft_memory", {"gb": plan.memory_bytes / GB, "available_gb": available / GB})
    for part, size_bytes in sorted(plan.memory_parts_bytes.items(), key=lambda item: -item[1]):
        name = Words(text(f"memory.{part}", "en"), text(f"memory.{part}", "de"))
        yield Reason("draft_memory_part", {"name": name, "gb": size_bytes / GB})


def _storage(ground: DraftGround) -> Iterator[Reason]:
    workload, task = ground.workload, ground.workload.task
    if workload.data.storage_bytes is not None:
        yield Reason("draft_storage", {"tb": workload.data.storage_bytes / TB})
    if isinstance(task, Serving):
        return
    if task.trains_adapters:
        size = ADAPTER_CHECKPOINT_BYTES * adapter_parameters(workload.architecture, task.lora_rank)
    else:
        size = CHECKPOINT_BYTES * count_parameters(workload.architecture).total
    yield Reason("draft_checkpoint", {"gb": size / GB})
    if workload.data.storage_bytes is None:
        yield Reason("draft_data_size_open")


def _hardware(ground: DraftGround) -> Iterator[Reason]:
    system = ground.system
    accelerator, each = system.accelerator.value, system.accelerators_per_node.value
    name = system.system.value or system.id
    if accelerator is not None and each is not None:
        yield Reason("draft_hardware", {"name": name, "accelerator": accelerator, "per_node": each})
    else:
        yield Reason("draft_hardware_name", {"name": name})


def _software(ground: DraftGround) -> Iterator[Reason]:
    software = ground.software
    if software is None:
        return
    if software.software_stack.value is not None:
        yield Reason("draft_software_stack", {"quote": software.software_stack.value})
    if software.container_runtime.value is not None:
        yield Reason("draft_containers", {"quote": software.container_runtime.value})
    if software.launch_pattern.value is not None:
        yield Reason("draft_launch", {"quote": software.launch_pattern.value})
    yield Reason("draft_framework_open")


def _data(ground: DraftGround) -> Iterator[Reason]:
    data = ground.workload.data
    yield Reason("draft_sensitivity", {"sensitivity": data.sensitivity})
    if data.locations:
        yield Reason("draft_locations", {"countries": ", ".join(data.locations)})
    yield Reason("draft_origin_open")


def _openness(ground: DraftGround) -> Iterator[Reason]:
    published = ground.workload.applicant.open_results
    if published is True:
        yield Reason("draft_open")
    elif published is False:
        yield Reason("draft_closed")


def _modules_per_device(ground: DraftGround, plan: Plan | ServingPlan) -> float:
    """Programmes count GPUs as they are sold; a scheduler may see two devices in one (MI250X)."""
    modules_per_node = ground.system.accelerators_per_node.value or plan.machine.devices_per_node
    return modules_per_node / plan.machine.devices_per_node


def _power_of_ten(number: float) -> Words:
    """``4.67·10^22``"""
    mantissa, exponent = f"{number:.2e}".split("e")
    shown = f"{mantissa}·10^{int(exponent)}"
    return Words(shown, shown.replace(".", ","))


def _count(number: float) -> Words:
    return Words(count_text(number, "en"), count_text(number, "de"))


FIELD_SENTENCES: Mapping[ApplicationField, Callable[[DraftGround], Iterator[Reason]]] = {
    "abstract": _abstract,
    "methods": _methods,
    "flop": _flop,
    "gpus_per_job": _gpus_per_job,
    "gpu_hours": _gpu_hours,
    "duration": _duration,
    "scalability": _scalability,
    "memory": _memory,
    "storage": _storage,
    "hardware": _hardware,
    "software": _software,
    "data": _data,
    "openness": _openness,
}
"""Fields that are not here are the applicant's to write."""


def facts_behind(ground: DraftGround) -> dict[str, Fact[Any]]:
    """What the draft takes from the catalogue, by the name of the fact."""
    system, software = ground.system, ground.software
    facts: dict[str, Fact[Any]] = {
        "application_contents": ground.programme.application_contents,
        "page_limit": ground.programme.page_limit,
        "accelerator": system.accelerator,
        "accelerators_per_node": system.accelerators_per_node,
        "max_walltime_h": system.max_walltime_h,
    }
    if software is not None:
        facts |= {"software_stack": software.software_stack, "container_runtime": software.container_runtime}
        facts["launch_pattern"] = software.launch_pattern
    return {name: fact for name, fact in facts.items() if fact.known}
