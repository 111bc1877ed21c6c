"""``stellwerk runs``: what runs here and ran here."""

from __future__ import annotations

import collections
import dataclasses
import os

import click
from rich.console import Console
from rich.table import Table

from stellwerk.cli.duration import Duration
from stellwerk.launch import RunDirectory
from stellwerk.launch.engines.local import LocalEngine
from stellwerk.launch.runs import RunEntry, RunStore, runs_folder

# What plans and trains is imported by those who show a run: the list is to be there at once.

JSON_SCHEMA = 1
LISTED = 30
LIST_WIDTH = 130
"""Enough for the longest id; a narrower terminal breaks the lines."""

_argument = click.argument("run")


@click.group(name="runs")
def command() -> None:
    """What runs here and ran here. RUN is an id, the beginning of one, or a folder."""


@command.command(name="list")
@click.option("--all", "everything", is_flag=True, help=f"All of them, not only the latest {LISTED}.")
@click.option("--json", "as_json", is_flag=True, help="Print all of them as JSON.")
def list_(everything: bool, as_json: bool) -> None:
    """All runs, the latest first."""
    entries = _store().entries()
    if as_json:
        from stellwerk.cli.output import print_json

        print_json({"schema": JSON_SCHEMA, "runs": [dataclasses.asdict(entry) for entry in entries]})
        return
    if not entries:
        click.echo(f"no runs in {runs_folder(os.environ)}; start one with: stellwerk run workload.toml --on local")
        return
    shown = entries if everything else entries[:LISTED]
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "state", "steps", "attempts", "started (UTC)", "ends by the plan"):
        table.add_column(heading, justify="right" if heading in ("steps", "attempts") else "left", no_wrap=True)
    for entry in shown:
        table.add_row(*_row(entry))
    Console(highlight=False, width=max(Console().width, LIST_WIDTH)).print(table)
    if len(shown) < len(entries):
        click.echo(f"{len(shown)} of {len(entries):,} runs; --all lists them all")


@command.command()
@_argument
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(run: str, as_json: bool) -> None:
    """Where RUN stands: attempts, how far it is, plan and measurement so far, and where its files lie."""
    from stellwerk.cli.run_end import show_run

    show_run(LocalEngine(), _find(run), as_json=as_json)


@command.command()
@_argument
@click.option("--now", is_flag=True, help="Kill it at once, without a checkpoint.")
def cancel(run: str, now: bool) -> None:
    """Ask RUN to write a checkpoint and stop; kill it where it does not."""
    directory, engine = _find(run), LocalEngine()
    record = engine.record(directory.path)
    if record is None or not record.active:
        state = "was never started" if record is None else f"is {record.latest.state}"
        click.echo(f"{directory.path} {state}; there is nothing to cancel")
        return
    engine.cancel(directory.path, at_once=now)
    asked = "is killed" if now else "is asked to write a checkpoint and stop"
    click.echo(f"{directory.path} {asked}; go on later with: stellwerk runs resume {run}")


@command.command()
@_argument
@click.option("--limit", "limit_s", type=Duration(), help="Longest time of this attempt; default: as before.")
@click.option("--detach", is_flag=True, help="Do not follow the run.")
@click.option("--json", "as_json", is_flag=True, help="Print the result (or state) as JSON.")
def resume(run: str, limit_s: float | None, detach: bool, as_json: bool) -> None:
    """Go on with RUN from its latest checkpoint."""
    from stellwerk.cli.run_end import resume_run

    resume_run(LocalEngine(), _find(run), limit_s=limit_s, detach=detach, as_json=as_json)


@command.command()
@_argument
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends; Ctrl-C ends this, not the run.")
@click.option("--lines", "-n", type=click.IntRange(min=1), help="Only the last so many; default: all.")
def logs(run: str, follow: bool, lines: int | None) -> None:
    """What the processes of RUN printed, over all attempts."""
    directory, engine = _find(run), LocalEngine()
    if lines is not None and not follow:
        for line in collections.deque(engine.logs(directory.path), maxlen=lines):
            click.echo(line)
        return
    try:
        for line in engine.logs(directory.path, follow=follow):
            click.echo(line)
    except KeyboardInterrupt:
        click.echo(f"the run goes on; cancel it with: stellwerk runs cancel {run}", err=True)


def _store() -> RunStore:
    return RunStore(runs_folder(os.environ))


def _find(text: str) -> RunDirectory:
    return RunDirectory(_store().find(text).path)


def _row(entry: RunEntry) -> tuple[str, ...]:
    state = entry.problem or entry.state or "not started"
    return (
        entry.id,
        state,
        _of(entry.steps, entry.planned_steps),
        str(entry.attempts),
        _instant(entry.started),
        _instant(entry.planned_end),
    )


def _of(count: int | None, planned: int | None) -> str:
    done = "–" if count is None else f"{count:,}"
    return done if planned is None else f"{done} of {planned:,}"


def _instant(text: str | None) -> str:
    return "" if text is None else text[:16].replace("T", " ")
