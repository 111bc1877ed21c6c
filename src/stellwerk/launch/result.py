"""The result file of a run: what was planned, what was measured, over all attempts."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stellwerk import __version__
from stellwerk.catalog import load_catalogue
from stellwerk.launch.comparison import compare
from stellwerk.launch.energy import emissions_of
from stellwerk.launch.expectation import read_expectation
from stellwerk.launch.record_row import write_run_record
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import RunRecord, attempt_as_dict
from stellwerk.training import Outcome, StepMetrics, read_metrics, read_outcome, write_json

SCHEMA = 2
"""Version 1 had neither state, attempts nor usage."""


def write_result(directory: RunDirectory, run: RunRecord) -> dict[str, Any]:
    """Writes ``result.json`` and returns what it holds; of a finished run also its row, ``run-record.csv``."""
    result = result_record(directory, run)
    write_json(directory.result, result)
    if run.latest.state == "finished":
        write_run_record(directory, run)
    return result


def result_record(directory: RunDirectory, run: RunRecord) -> dict[str, Any]:
    """Everything about a run as a JSON object, from the files in its folder and what its engine knows of it.

    What is not known is null: the outcome of a run that did not finish, or whose program does not write one; the plan
    of a program that nothing could be planned for.
    """
    metrics = read_metrics(directory.metrics)
    outcome = read_outcome(directory.outcome) if directory.outcome.exists() else None
    expected = read_expectation(directory.plan) if directory.plan.exists() else None
    resolved = _read(directory.resolved)
    return {
        "schema": SCHEMA,
        "as_of": run.latest.since.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"stellwerk": __version__, "torch": outcome.torch_version if outcome else None},
        "state": run.latest.state,
        "attempts": [attempt_as_dict(attempt) for attempt in run.attempts],
        "usage": asdict(run.usage()),
        "emissions": _emissions(run, resolved),
        "workload": resolved and {key: resolved[key] for key in ("name", "architecture", "training")},
        "machine": _read(directory.rates),
        "plan": None if expected is None else expected.as_dict(),
        "measured": _measured(metrics, outcome),
        "comparison": [] if expected is None else [row.as_dict() for row in compare(expected, metrics, outcome)],
        "text_sha256": outcome.text_sha256 if outcome else None,
        "sample": outcome.sample if outcome else None,
    }


def _emissions(run: RunRecord, resolved: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Of the electricity of the applicant's country, where the machine is taken to stand; null where the energy is
    not known."""
    energy_j = run.usage().energy_j
    if energy_j is None or resolved is None:
        return None
    country, as_of = resolved["applicant"]["country"], run.latest.since.date()
    emissions = emissions_of(energy_j, load_catalogue(), country, as_of)
    return None if emissions is None else asdict(emissions)


def _measured(metrics: Sequence[StepMetrics], outcome: Outcome | None) -> dict[str, Any]:
    of_program = (
        "parameters",
        "training_time_s",
        "held_out_loss",
        "held_out_tokens",
        "peak_memory_bytes",
        "base_memory_bytes",
    )
    losses = [step.loss for step in metrics if step.loss is not None]
    return {
        "steps": metrics[-1].step if metrics else 0,
        "tokens": metrics[-1].tokens if metrics else 0,
        "first_loss": losses[0] if losses else None,
        "last_loss": losses[-1] if losses else None,
        **{name: getattr(outcome, name, None) for name in of_program},
    }


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
