"""What a workload is to do, in words that several verbs print."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.units import SECONDS_PER_DAY, format_count
from stellwerk.workload import Serving, Training, Workload, adapter_parameters, count_parameters


def headline(workload: Workload) -> str:
    """One line: the model, and what is done with it."""
    parameters = format_count(count_parameters(workload.architecture).total)
    return f"{workload.name}: {parameters} parameters, {_task(workload.task)}"


def training_lines(workload: Workload) -> Iterator[str]:
    """What is trained and what stays frozen; nothing for a training of all parameters from scratch."""
    training = workload.training
    if training.method == "pretraining":
        return
    parameters = count_parameters(workload.architecture).total
    if not training.trains_adapters:
        yield f"Trained: all {parameters:,} parameters"
        return
    adapters = adapter_parameters(workload.architecture, training.lora_rank)
    kept = "matrices in 4 bits, the rest in 16 bits" if training.freezes_in_four_bits else "in 16 bits"
    yield f"Trained: {adapters:,} parameters of adapters of rank {training.lora_rank}, {adapters / parameters:.2%} more"
    yield f"Frozen: {parameters:,} parameters, {kept}"


def _task(task: Training | Serving) -> str:
    if isinstance(task, Serving):
        days = task.duration_s / SECONDS_PER_DAY
        return f"{task.weights} weights, {task.concurrent_requests:,} requests at once, {days:g} days"
    tokens = f"{format_count(task.tokens)} tokens"
    return tokens if task.method == "pretraining" else f"{tokens}, {_METHODS[task.method]}"


_METHODS = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}
