"""The section ``[run]`` of ``workload.toml``: how the reference program is to train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.boundary import read_section
from stellwerk.workload.document import RunSection
from stellwerk.workload.model import RunSettings, Serving, Training

_PATHS = ("dataset", "base")


def read_run(table: dict[str, Any], file: Path) -> RunSettings:
    """The settings that the section says, paths taken from the folder of ``file``; raises InputErrors with every
    mistake in it.

    Whether the paths lead anywhere is asked when a run starts: a plan can be made where they do not.
    """
    section = read_section(RunSection, table, file=file, key="run")
    said = {name: getattr(section, name) for name in type(section).model_fields}
    for name in _PATHS:
        said[name] = None if said[name] is None else (file.parent / said[name]).absolute()
    if section.warm_up_share + (section.decay_share if section.schedule == "wsd" else 0) > 1:
        raise InputErrors(
            [
                InputError(
                    "the learning rate cannot fall while it still rises",
                    file=file,
                    key="run.decay_share",
                    value=section.decay_share,
                    allowed=f"at most {1 - section.warm_up_share:g}, what warm_up_share = {section.warm_up_share:g} "
                    "leaves",
                )
            ]
        )
    return RunSettings(**said)


def check_run_fits(run: RunSettings, task: Training | Serving, file: Path) -> None:
    """Raises InputError where the settings say something that the task has no place for."""
    if run == RunSettings():
        return
    if isinstance(task, Serving):
        raise InputError(
            "a service is not trained", file=file, key="run", allowed="[training] or [finetuning] beside it"
        )
    if run.base is not None and task.method == "pretraining":
        raise InputError(
            "a training from scratch starts from no model",
            file=file,
            key="run.base",
            value=str(run.base),
            allowed="left out; or [finetuning] in the place of [training]",
        )
