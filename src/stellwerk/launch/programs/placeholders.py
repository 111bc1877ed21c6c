"""The values of the placeholders in a program's command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stellwerk.errors import InputError
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.planner import Plan
from stellwerk.workload import Workload


def placeholder_values(
    workload: Workload, plan: Plan, directory: RunDirectory, *, file: Path
) -> Callable[[str, str], str]:
    """A function from a placeholder and the key where it stands to its value.

    It raises InputError for one that has none. A data folder and a base model are given as absolute paths.
    """
    training, run, layout = workload.training, workload.run, plan.layout
    values: dict[str, object] = {
        "micro_batch": layout.micro_batch,
        "accumulation": layout.micro_batches,
        "global_batch": training.global_batch_sequences,
        "sequence_length": training.sequence_length,
        "steps": training.steps,
        "tokens": training.tokens,
        "learning_rate": run.learning_rate,
        "seed": run.seed,
        "dataset": run.dataset.absolute() if run.dataset else None,
        "base": run.base.absolute() if run.base else None,
        "processes": layout.devices,
        "tensor": layout.tensor,
        "pipeline": layout.pipeline,
        "data": layout.data,
        "run_directory": directory.path,
        "checkpoints": directory.checkpoints,
        "metrics": directory.metrics,
        "plan": directory.plan,
    }

    def value_of(name: str, key: str) -> str:
        value = values[name]
        if value is None:
            raise InputError(
                f"{{{name}}} has no value", file=file, key=key, allowed=f"with {name} = … in the section [run]"
            )
        return str(value)

    return value_of
