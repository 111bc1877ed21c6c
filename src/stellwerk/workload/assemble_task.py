"""From the section that says what to do with the model to a Training or Serving."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.boundary import MAX_SIZE, read_section
from stellwerk.workload.document import FineTuningSection, ServingSection, TrainingSection
from stellwerk.workload.model import Serving, Training

_ONE_OF = "exactly one of the sections [training], [finetuning] and [serving]"


def read_task(values: dict[str, Any], file: Path) -> Training | Serving | None:
    """The task in the parsed TOML of a workload; None where a section is no table, which is said elsewhere.

    Raises InputErrors with every mistake of the section, InputError where there is not exactly one.
    """
    given = [name for name in _READERS if name in values]
    if not given:
        raise InputErrors([InputError("is missing", file=file, key="training", allowed=_ONE_OF)])
    if len(given) > 1:
        problem = "a workload has one task"
        raise InputErrors([InputError(problem, file=file, key=given[1], value=", ".join(given), allowed=_ONE_OF)])
    table = values[given[0]]
    return _READERS[given[0]](table, file) if isinstance(table, dict) else None


def task_section(task: Training | Serving) -> str:
    """The section of the file that says so."""
    if isinstance(task, Serving):
        return "serving"
    return "training" if task.method == "pretraining" else "finetuning"


def _read_training(table: dict[str, Any], file: Path) -> Training:
    return _training(read_section(TrainingSection, table, file=file, key="training"), "training", file)


def _read_finetuning(table: dict[str, Any], file: Path) -> Training:
    section = read_section(FineTuningSection, table, file=file, key="finetuning")
    if section.method != "full" and section.optimizer != "adamw":
        raise InputError(
            "adapters are planned with AdamW in 32 bits",
            file=file,
            key="finetuning.optimizer",
            value=section.optimizer,
            allowed="adamw beside lora and qlora",
        )
    training = _training(section, "finetuning", file)
    return replace(training, method=section.method, lora_rank=section.lora_rank)


def _read_serving(table: dict[str, Any], file: Path) -> Serving:
    section = read_section(ServingSection, table, file=file, key="serving")
    return Serving(
        users=section.users,
        concurrent_requests=section.concurrent_requests,
        prompt_tokens=section.prompt_tokens,
        output_tokens=section.output_tokens,
        tokens_per_s=section.tokens_per_s,
        first_token_s=section.first_token_s,
        weights=section.weights,
        duration_s=section.duration,
    )


def _training(section: TrainingSection, name: str, file: Path) -> Training:
    training = Training(
        tokens=section.tokens,
        sequence_length=section.sequence_length,
        global_batch_sequences=_global_batch_sequences(section, name, file),
        precision=section.precision,
        optimizer=section.optimizer,
    )
    if training.tokens_per_step > training.tokens:
        raise InputError(
            f"one step would take {training.tokens_per_step:,} tokens, more than the whole training",
            file=file,
            key=f"{name}.tokens",
            value=training.tokens,
            allowed="at least one global batch",
        )
    return training


def _global_batch_sequences(section: TrainingSection, name: str, file: Path) -> int:
    sequences, tokens = section.global_batch_sequences, section.global_batch_tokens
    if sequences is not None and tokens is None:
        return sequences
    if tokens is None or sequences is not None:
        raise InputError(
            "the global batch must be given once",
            file=file,
            key=name,
            allowed="exactly one of: global_batch_sequences; global_batch_tokens",
        )
    sequences = _even_sequences(tokens, section.sequence_length)
    if sequences == 0:
        problem = f"is less than one sequence of {section.sequence_length:,} tokens"
    elif sequences > MAX_SIZE:
        problem = f"makes {sequences:,} sequences, too many to be meant"
    else:
        return sequences
    raise InputError(
        problem,
        file=file,
        key=f"{name}.global_batch_tokens",
        value=tokens,
        allowed=f"1 to {MAX_SIZE:,} times sequence_length",
    )


def _even_sequences(tokens: int, sequence_length: int) -> int:
    """Sequences in a batch of about ``tokens``: exact where that is a whole number, else the nearest 4 to 8 times 2^k.

    "4M" tokens are 976.6 sequences of 4,096, by which people mean 1,024; 977 is a prime and fits no number of devices.
    """
    if tokens < sequence_length or tokens % sequence_length == 0:
        return tokens // sequence_length
    sequences = tokens / sequence_length
    unit = 1 << max(math.floor(math.log2(sequences)) - 2, 0)
    return round(sequences / unit) * unit


_READERS: dict[str, Callable[[dict[str, Any], Path], Training | Serving]] = {
    "training": _read_training,
    "finetuning": _read_finetuning,
    "serving": _read_serving,
}
