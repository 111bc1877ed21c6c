"""``metrics.prom``: where a run stands, in the text format that Prometheus reads from files (node exporter's textfile
collector). One file per run, whole or not at all; it carries no time stamps, as that collector asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from stellwerk.files import write_whole
from stellwerk.launch.engine import RunState
from stellwerk.launch.plain_json import read_values
from stellwerk.launch.progress import last_line
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import RunRecord

NUMBER_AT_END = re.compile(r"(\d+)(?:\.\d+)?$", re.ASCII)
"""Of a checkpoint's folder: step-00000040, checkpoint-40."""
NOT_A_CHECKPOINT = (".", "broken-")


def write_prometheus(directory: RunDirectory, run: RunRecord) -> None:
    """Raises InputError where the file cannot be written."""
    text = render_prometheus(
        run, name=directory.path.name, last=last_line(directory.metrics), plan=read_values(directory.plan),
        checkpoint=_last_checkpoint(directory.checkpoints),
    )  # fmt: skip
    write_whole(directory.prometheus, text.encode())


def render_prometheus(
    run: RunRecord,
    *,
    name: str,
    last: Mapping[str, Any],
    plan: Mapping[str, Any],
    checkpoint: tuple[float, int | None] | None = None,
) -> str:
    """``last`` is the last line of the metrics file, ``plan`` what plan.json holds, ``checkpoint`` (when, step). What
    is not known has no line: a zero would be a claim.

    Steps and tokens are gauges, because a run that is resumed from its last checkpoint goes back to it.
    """
    tokens_per_s = _number(last.get("tokens_per_s"))
    figures = {
        "step": ("Optimizer steps taken.", run.steps),
        "tokens": ("Tokens trained on.", run.tokens),
        "loss": ("Mean loss of the last step in nats per token.", _number(last.get("loss"))),
        "tokens_per_second": ("Speed of the last step.", tokens_per_s),
        "mfu_ratio": ("Model FLOPs utilisation of the last step, by the plan's peak rate.", _mfu(plan, tokens_per_s)),
        "energy_joules": ("Energy over all attempts.", run.usage().energy_j),
        "wall_seconds": ("Time over all attempts.", run.wall_s),
        "attempts": ("How often it was started.", len(run.attempts)),
        "checkpoint_timestamp_seconds": ("When the last checkpoint became whole.", checkpoint and checkpoint[0]),
        "checkpoint_step": ("Step of the last checkpoint.", checkpoint and checkpoint[1]),
    }
    label = f'run="{_escaped(name)}"'
    lines = [
        line
        for key, (about, value) in figures.items()
        if value is not None
        for line in _gauge(key, about, label, value)
    ]
    lines += ["# HELP stellwerk_run_state 1 for the state that the run is in.", "# TYPE stellwerk_run_state gauge"]
    lines += [
        f'stellwerk_run_state{{{label},state="{state}"}} {int(state == run.latest.state)}'
        for state in get_args(RunState)
    ]
    return "\n".join(lines) + "\n"


def _gauge(key: str, about: str, label: str, value: float) -> Iterator[str]:
    yield f"# HELP stellwerk_run_{key} {about}"
    yield f"# TYPE stellwerk_run_{key} gauge"
    yield f"stellwerk_run_{key}{{{label}}} {value!r}"


def _mfu(plan: Mapping[str, Any], tokens_per_s: float | None) -> float | None:
    if tokens_per_s is None:
        return None
    try:
        layout = plan["layout"]
        devices = layout["tensor"] * layout["pipeline"] * layout["data"]
        return float(plan["flops_per_token"] * tokens_per_s / (devices * plan["peak_flops"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _last_checkpoint(folder: Path) -> tuple[float, int | None] | None:
    """(when it got its name, its step) of the newest folder that is named like a whole checkpoint."""
    try:
        found = [(path.stat().st_mtime, path.name) for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return None
    whole = [entry for entry in found if not entry[1].startswith(NOT_A_CHECKPOINT)]
    if not whole:
        return None
    when, name = max(whole)
    number = NUMBER_AT_END.search(name)
    return when, None if number is None else int(number[1])


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
