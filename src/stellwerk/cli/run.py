"""``stellwerk run``: plan a training for this machine, start it, follow it, compare."""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from stellwerk.catalog import load_catalogue
from stellwerk.cli.duration import Duration
from stellwerk.cli.mistakes import naming_file
from stellwerk.cli.output import print_json
from stellwerk.cli.positive import PositiveNumber
from stellwerk.cli.run_end import follow_to_the_end, show_started
from stellwerk.cli.run_plan import ShownPlan, plan_as_dict, show_plan
from stellwerk.errors import InputError, MissingExtraError, RunError
from stellwerk.files import write_whole
from stellwerk.launch import (
    ACTIVE,
    Job,
    LocalRun,
    RunDirectory,
    check_same_run,
    environment_lock,
    job_to_measure,
    key_of,
    measuring_job,
    place_on,
    plan_local_run,
    reference_job,
    what_decides,
    write_run_files,
)
from stellwerk.launch.engines.local import LocalEngine, read_submitted, render_script, start
from stellwerk.launch.programs.job import program_job
from stellwerk.launch.runs import RunStore, runs_folder
from stellwerk.training import Accelerators, Rates, find_accelerators, machine_memory_bytes, read_rates, write_json
from stellwerk.workload import Workload, read_workload

LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for: a workload and the options."""

    file: Path
    workload: Workload
    processes: int | None
    seconds: float | None
    limit_s: float | None

    @property
    def decides(self) -> dict[str, Any]:
        return what_decides(self.workload, processes=self.processes, seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Planned:
    """What follows from it on this machine."""

    run: LocalRun
    rates: Rates
    accelerators: Accelerators | None


@click.command(name="run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--on", "_place", type=click.Choice(["local"]), default="local", show_default=True, help="Where to run.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the run; the same run in the same folder goes on. Default: a new one that `stellwerk runs` lists.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1, max=1024),
    help="Processes that train. Default: one per accelerator, or 2 on the processor.",
)
@click.option(
    "--seconds",
    type=PositiveNumber(),
    help="As many steps as take that long by the plan. FILE's tokens, the default, are the upper limit.",
)
@click.option("--limit", "limit_s", type=Duration(), help="Longest time of one attempt: 30min, 2h.")
@click.option("--dry-run", is_flag=True, help="Show plan and command, start nothing.")
@click.option("--detach", is_flag=True, help="Do not follow the run.")
@click.option("--json", "as_json", is_flag=True, help="Print the result (or plan, or state) as JSON.")
def command(
    file: Path,
    _place: str,
    out: Path | None,
    processes: int | None,
    seconds: float | None,
    limit_s: float | None,
    dry_run: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Plan the training in FILE for this machine, run it, and compare the plan with what was measured.

    A run goes on when the terminal is closed. The same command with the same --out again shows where it stands,
    resumes it where it was interrupted, and shows the result where it is finished.
    """
    workload = read_workload(file)
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("stellwerk run", "train")
    asked = Asked(file, workload, processes, seconds, limit_s)
    console = Console(highlight=False, stderr=as_json)
    with naming_file(file):
        decides = asked.decides
    there = None if out is None else _run_in(out, decides)
    if dry_run:
        shown = _plan_only(console, asked, out) if there is None else ShownPlan.of_run(*there)
        print_json(plan_as_dict(shown)) if as_json else show_plan(console, shown)
        return
    engine = LocalEngine()
    if there is None:
        directory = _start(console, engine, asked, out)
    else:
        directory = there[0]
        _go_on(console, engine, asked, *there)
    if detach:
        show_started(console, engine, directory, as_json=as_json)
    else:
        follow_to_the_end(console, engine, directory, as_json=as_json)


def _run_in(out: Path, decides: Mapping[str, Any]) -> tuple[RunDirectory, Job] | None:
    """This very run and its job, where it was submitted in the folder before; raises InputError for another run."""
    directory = RunDirectory(out.resolve())
    if directory.path.exists() and not directory.path.is_dir():
        raise InputError("something else than a folder is there", file=out, key="--out")
    submission = read_submitted(directory.path) if check_same_run(directory, decides) else None
    return None if submission is None else (directory, submission.job)


def _plan_only(console: Console, asked: Asked, out: Path | None) -> ShownPlan:
    planned = _plan(console, asked)
    directory = RunDirectory(out.resolve() if out else runs_folder(os.environ) / "NEW")
    return ShownPlan.of(planned.run, planned.rates, _job(planned.run, asked, directory), directory)


def _start(console: Console, engine: LocalEngine, asked: Asked, out: Path | None) -> RunDirectory:
    """Plans, shows the plan, writes everything into a folder that the run needs, and submits it."""
    planned = _plan(console, asked)
    run = planned.run
    store = RunStore(runs_folder(os.environ))
    known = store.create(asked.workload.name, created=datetime.datetime.now(datetime.UTC), out=out)
    directory = RunDirectory(known.path)
    job = _job(run, asked, directory)
    show_plan(console, ShownPlan.of(run, planned.rates, job, directory))
    write_json(directory.rates, planned.rates)
    if run.job is not None:
        write_json(directory.job, run.job)
    write_whole(directory.script, render_script(job, sys.executable, run=directory.path).encode(), mode=0o755)
    write_run_files(
        directory,
        asked.workload,
        source=asked.file.read_bytes(),
        decides=asked.decides,
        expected=run.expected,
        environment=environment_lock(planned.accelerators),
    )
    store.expect(known, steps=run.expected.steps, tokens=run.expected.tokens, duration_s=run.expected.duration_s.best)
    engine.submit(job, directory.path, key=key_of(asked.decides))
    return directory


def _plan(console: Console, asked: Asked) -> Planned:
    accelerators = find_accelerators()
    catalogue = None if accelerators is None else load_catalogue()
    place = place_on(accelerators, catalogue, processes=asked.processes, machine_memory_bytes=machine_memory_bytes())
    to_measure = job_to_measure(asked.workload, place, file=asked.file)
    with _folder_to_measure_in() as directory, console.status("Measuring this machine …"):
        write_json(directory.job, to_measure)
        process = start(measuring_job(directory, place.processes))
        try:
            for _ in process.follow(LOOK_EVERY_S):
                pass
        finally:
            process.stop()
        rates = read_rates(directory.rates)
    return Planned(
        plan_local_run(asked.workload, rates, place, seconds=asked.seconds, file=asked.file), rates, accelerators
    )


@contextlib.contextmanager
def _folder_to_measure_in() -> Iterator[RunDirectory]:
    """A folder that vanishes, unless the measurement fails: then its log is still needed."""
    path = Path(tempfile.mkdtemp(prefix="stellwerk-"))
    try:
        yield RunDirectory(path)
    except RunError:
        raise
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)


def _job(run: LocalRun, asked: Asked, directory: RunDirectory) -> Job:
    if run.job is not None:
        return reference_job(directory, run.plan.devices, limit_s=asked.limit_s)
    return program_job(run.workload, run.plan, directory.path, file=asked.file, limit_s=asked.limit_s)


def _go_on(console: Console, engine: LocalEngine, asked: Asked, directory: RunDirectory, submitted: Job) -> None:
    """Resumes the run where it was interrupted; leaves it where it runs or is finished."""
    status = engine.status([directory.path]).get(directory.path)
    if status is not None and status.state in ACTIVE:
        console.print(f"The run in {directory.path} is {status.state}.", soft_wrap=True)
    elif status is not None and status.state == "finished":
        console.print(f"The run in {directory.path} is finished; without the folder it starts anew.", soft_wrap=True)
    else:
        job = submitted if asked.limit_s is None else replace(submitted, limit_s=asked.limit_s)
        engine.submit(job, directory.path, key=key_of(asked.decides))
        console.print(f"The run in {directory.path} goes on.", soft_wrap=True)
