"""What a run is shown as when it has started, while it is followed, and when it has ended."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from rich.console import Console

from stellwerk.cli.output import print_json
from stellwerk.cli.run_follow import follow
from stellwerk.cli.run_show import show_comparison, show_result
from stellwerk.errors import InputError, RunError
from stellwerk.launch import (
    ACTIVE,
    RunDirectory,
    RunStatus,
    compare,
    read_expectation,
    write_result,
)
from stellwerk.launch.engines.local import LocalEngine
from stellwerk.messages import render
from stellwerk.training import read_metrics, read_outcome

JSON_SCHEMA = 1
EXIT_CODE_INTERRUPTED = 130


def show_started(console: Console, engine: LocalEngine, directory: RunDirectory, *, as_json: bool) -> None:
    """Where a run stands that nobody follows, and how to see more of it."""
    status = engine.status([directory.path])[directory.path]
    if as_json:
        print_json(status_as_dict(directory, status))
        return
    console.print(f"The run in {directory.path} is {status.state}.", soft_wrap=True)
    if status.state in ACTIVE:
        _say_how_to_go_on(console, directory)


def follow_to_the_end(console: Console, engine: LocalEngine, directory: RunDirectory, *, as_json: bool) -> None:
    """Follows the run, then shows planned against measured. Raises RunError where it did not finish.

    Ctrl-C ends the following, not the run.
    """
    try:
        status = follow(engine, directory, read_expectation(directory.plan), console)
    except KeyboardInterrupt:
        console.print("\nThe run goes on.")
        _say_how_to_go_on(console, directory)
        sys.exit(EXIT_CODE_INTERRUPTED)
    result = finished_result(engine, directory)
    if as_json:
        print_json(result)
    elif status.state == "finished":
        show_run_result(console, directory, result)
    if status.state != "finished":
        _raise_unfinished(directory, status)


def finished_result(engine: LocalEngine, directory: RunDirectory) -> dict[str, Any]:
    """The result of a run that has ended, written into its folder."""
    record = engine.record(directory.path)
    if record is None:
        raise InputError("there is no run here", file=directory.path)
    return write_result(directory, record)


def show_run_result(console: Console, directory: RunDirectory, result: dict[str, Any]) -> None:
    expected = read_expectation(directory.plan)
    outcome = read_outcome(directory.outcome) if directory.outcome.exists() else None
    show_comparison(console, compare(expected, read_metrics(directory.metrics), outcome), expected)
    show_result(console, result)
    console.print(f"\nResult: {directory.result}; steps: {directory.metrics}", soft_wrap=True)


def status_as_dict(directory: RunDirectory, status: RunStatus) -> dict[str, Any]:
    return {
        "schema": JSON_SCHEMA,
        "directory": str(directory.path),
        "state": status.state,
        "attempt": status.attempt,
        "since": status.since.isoformat(timespec="seconds"),
        "exit_code": status.exit_code,
        "reason": None if status.reason is None else status.reason.as_dict(),
    }


def _say_how_to_go_on(console: Console, directory: RunDirectory) -> None:
    for what, verb in (("follow", "logs --follow"), ("see it", "show"), ("cancel", "cancel")):
        console.print(f"  {what + ':':8} stellwerk runs {verb} {directory.path}", soft_wrap=True)


def _raise_unfinished(directory: RunDirectory, status: RunStatus) -> NoReturn:
    why = f": {render(status.reason, 'en')}" if status.reason else ""
    raise RunError(
        f"the run is {status.state}{why}\n  log: {directory.log}\n  go on: stellwerk runs resume {directory.path}"
    )
