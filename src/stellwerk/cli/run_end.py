"""What a run is shown as when it has started, while it is followed, and when it has ended."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from typing import Any, NoReturn

from rich.console import Console

from stellwerk.cli.output import print_json
from stellwerk.cli.run_follow import follow
from stellwerk.cli.run_show import show_attempts, show_comparison, show_result
from stellwerk.errors import InputError, RunError
from stellwerk.launch import (
    RunDirectory,
    RunRecord,
    compare,
    read_expectation,
    result_record,
    write_result,
)
from stellwerk.launch.engines.local import LocalEngine, read_submitted
from stellwerk.messages import render
from stellwerk.training import read_metrics, read_outcome

JSON_SCHEMA = 1
EXIT_CODE_INTERRUPTED = 130


def show_started(console: Console, engine: LocalEngine, directory: RunDirectory, *, as_json: bool) -> None:
    """Where a run stands that nobody follows, and how to see more of it."""
    record = _record(engine, directory)
    if as_json:
        status = asdict(record.status()) | {"reason": record.latest.reason and record.latest.reason.as_dict()}
        print_json({"schema": JSON_SCHEMA, "directory": str(directory.path), **status})
        return
    console.print(f"The run in {directory.path} is {record.latest.state}.", soft_wrap=True)
    if record.active:
        _say_what_can_be_done(console, directory)


def follow_to_the_end(console: Console, engine: LocalEngine, directory: RunDirectory, *, as_json: bool) -> None:
    """Follows the run, then shows planned against measured. Raises RunError where it did not finish.

    Ctrl-C ends the following, not the run.
    """
    try:
        follow(engine, directory, read_expectation(directory.plan), console)
    except KeyboardInterrupt:
        console.print("\nThe run goes on.")
        _say_what_can_be_done(console, directory)
        sys.exit(EXIT_CODE_INTERRUPTED)
    record = _record(engine, directory)
    result = write_result(directory, record)
    if as_json:
        print_json(result)
    if record.latest.state != "finished":
        _raise_unfinished(directory, record)
    if not as_json:
        _show_measured(console, directory, result)


def show_run(engine: LocalEngine, directory: RunDirectory, *, as_json: bool) -> None:
    """Everything that is known of a run by now."""
    record = _record(engine, directory)
    known = result_record(directory, record) if record.active else write_result(directory, record)
    if as_json:
        print_json({"directory": str(directory.path), **known})
        return
    console = Console(highlight=False)
    show_attempts(console, directory, record, known)
    if known["measured"]["steps"]:
        _show_measured(console, directory, known)
    if record.active:
        _say_what_can_be_done(console, directory)


def resume_run(
    engine: LocalEngine, directory: RunDirectory, *, limit_s: float | None, detach: bool, as_json: bool
) -> None:
    """Submits what was submitted before, and follows it."""
    submission = read_submitted(directory.path)
    if submission is None:
        raise InputError("there is no run here", file=directory.path)
    job = submission.job if limit_s is None else replace(submission.job, limit_s=limit_s)
    engine.submit(job, directory.path, key=submission.key)
    console = Console(highlight=False, stderr=as_json)
    if detach:
        show_started(console, engine, directory, as_json=as_json)
    else:
        follow_to_the_end(console, engine, directory, as_json=as_json)


def _record(engine: LocalEngine, directory: RunDirectory) -> RunRecord:
    record = engine.record(directory.path)
    if record is None:
        raise InputError("no run was started here", file=directory.path)
    return record


def _show_measured(console: Console, directory: RunDirectory, result: dict[str, Any]) -> None:
    if directory.plan.exists():
        expected = read_expectation(directory.plan)
        outcome = read_outcome(directory.outcome) if directory.outcome.exists() else None
        show_comparison(console, compare(expected, read_metrics(directory.metrics), outcome), expected)
    show_result(console, result)
    console.print(f"\nResult: {directory.result}; steps: {directory.metrics}", soft_wrap=True, markup=False)


def _say_what_can_be_done(console: Console, directory: RunDirectory) -> None:
    for what, verb in (("read", "logs --follow"), ("see", "show"), ("cancel", "cancel")):
        console.print(f"  {what + ':':8} stellwerk runs {verb} {directory.path}", soft_wrap=True, markup=False)


def _raise_unfinished(directory: RunDirectory, record: RunRecord) -> NoReturn:
    reason = record.latest.reason
    why = f": {render(reason, 'en')}" if reason else ""
    state = record.latest.state
    raise RunError(
        f"the run is {state}{why}\n  log:   {directory.log}\n  go on: stellwerk runs resume {directory.path}"
    )
