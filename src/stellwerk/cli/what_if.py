"""``stellwerk simulate --change`` and ``--sweep``: what would be, beside what is."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table as RichTable

from stellwerk import __version__
from stellwerk.cli.job_log import sha256_of
from stellwerk.cli.output import console, print_json
from stellwerk.cli.sweep_folder import SweepFolder, run_in_folder
from stellwerk.files import write_whole
from stellwerk.measures import (
    FORMS,
    About,
    Change,
    Outcome,
    Scenario,
    evaluate,
    outcome_as_dict,
    parse_change,
    parse_sweep,
    render_what_if_page,
    run_sweep,
    scenarios_of,
    what_if,
)
from stellwerk.measures.what_if_tables import Table, group_table, seeds_sentence, size_table, sweep_table, whole_table
from stellwerk.measures.what_if_words import name_of
from stellwerk.messages import LANGUAGES, Language, text
from stellwerk.records import JobTable
from stellwerk.simulation import Cluster

F = TypeVar("F", bound=Callable[..., object])
MAX_SEEDS = 1_000
SMALL_SWEEP_JOBS = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options ask for, as they were written."""

    changes: tuple[str, ...]
    each: bool
    seeds: int
    html: Path | None
    language: Language
    sweeps: tuple[str, ...]
    workers: int | None
    place: str
    sweep_dir: Path | None
    scenario: int | None

    @property
    def anything(self) -> bool:
        return bool(self.changes or self.sweeps)

    def refuse_alone(self) -> None:
        """Raises UsageError for an option that means nothing without ``--change`` or ``--sweep``."""
        alone = {
            "--each": self.each,
            "--html": self.html is not None,
            "--on": self.place != "here",
            "--sweep-dir": self.sweep_dir is not None,
            "--scenario": self.scenario is not None,
        }
        for option, given in alone.items():
            if given:
                raise click.UsageError(f"{option} shows what a change does: give at least one --change or --sweep")


def what_if_options(command: F) -> F:
    """The options of a what-if, below those of a replay."""
    forms = ", ".join(FORMS)
    options = (
        click.option("--change", "changes", multiple=True, help=f"What if: {forms} (docs/what-if.md). Repeatable."),
        click.option("--each", is_flag=True, help="Show every change alone, too."),
        click.option(
            "--seeds",
            type=click.IntRange(1, MAX_SEEDS),
            default=5,
            show_default=True,
            help="Replays where failures are drawn at random.",
        ),
        click.option("--html", type=click.Path(path_type=Path), help="Write before and after as one page."),
        click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True),
        click.option("--sweep", "sweeps", multiple=True, help='Go through values: "nodes=+0,+16,+32". Repeatable.'),
        click.option("--workers", type=click.IntRange(1), help="Processes of a sweep; otherwise one per core."),
        click.option("--on", "place", type=click.Choice(("here", "slurm")), default="here", help="Where a sweep runs."),
        click.option("--sweep-dir", type=click.Path(path_type=Path), help="Folder of a sweep on Slurm."),
        click.option("--scenario", type=click.IntRange(0), help="Only this scenario of the sweep, from 0."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def about_replay(jobs: JobTable, cluster: Cluster, policy: str, language: Language) -> About:
    """What the page and the JSON say of log, cluster and policy."""
    name = text("what_if.pooled", language, count=cluster.processors) if cluster.is_pooled else cluster.name
    in_log = len(jobs) + sum(finding.jobs for finding in jobs.dropped.values())
    return About(jobs.source.name, sha256_of(jobs.source), jobs.header, in_log, len(jobs), name, policy)


def run_what_if(base: Scenario, about: About, asked: Asked, *, as_json: bool) -> None:
    """Replay as the options ask and print the outcome; raises InputError and UsageError for what cannot be."""
    changes = [parse_change(written) for written in asked.changes]
    seeds = range(asked.seeds)
    if asked.sweeps:
        _run_sweep(base, about, changes, asked, as_json=as_json)
        return
    if asked.scenario is not None or asked.place != "here" or asked.sweep_dir is not None:
        raise click.UsageError("--scenario, --on and --sweep-dir belong to a sweep: give --sweep")
    outcomes = what_if(base, changes, seeds=seeds, each=asked.each)
    if asked.html is not None:
        write_whole(asked.html, render_what_if_page(outcomes, about, asked.language).encode())
    if as_json:
        print_json(_as_dict(about, [outcome_as_dict(outcome) for outcome in outcomes]))
        return
    _show(outcomes, about, asked.language)
    if asked.html is not None:
        console.print(text("match.page_written", asked.language, path=str(asked.html)))


def _run_sweep(base: Scenario, about: About, changes: Sequence[Change], asked: Asked, *, as_json: bool) -> None:
    if asked.html is not None or asked.each:
        raise click.UsageError("--html and --each show single changes: give --change without --sweep")
    scenarios = scenarios_of([parse_sweep(written) for written in asked.sweeps], changes)
    seeds = range(asked.seeds)
    if asked.scenario is not None and asked.scenario >= len(scenarios):
        raise click.UsageError(f"--scenario {asked.scenario}: the sweep has {len(scenarios)}, from 0")
    folder = None if asked.sweep_dir is None else SweepFolder(asked.sweep_dir)
    if asked.place == "slurm" and folder is None:
        raise click.UsageError("--on slurm needs --sweep-dir, a folder that all nodes see")
    if asked.scenario is not None:
        found = outcome_as_dict(evaluate(base, scenarios[asked.scenario], seeds=seeds))
        if folder is not None:
            folder.keep(asked.scenario, found)
        results: list[dict[str, Any]] | None = [found]
    elif asked.place == "slurm" and folder is not None:
        results = run_in_folder(folder, [[change.text for change in one] for one in scenarios], about)
    else:
        # A process takes seconds to start: for a few replays of a small log it is not worth it.
        small = len(base.jobs) * len(scenarios) < SMALL_SWEEP_JOBS
        workers = asked.workers or (1 if small else len(os.sched_getaffinity(0)))
        results = [outcome_as_dict(one) for one in run_sweep(base, scenarios, seeds=seeds, workers=workers)]
    if results is None:
        return
    if as_json:
        print_json(_as_dict(about, results))
        return
    click.echo(_heading(about))
    _print_table(sweep_table(results, asked.language))


def _as_dict(about: About, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schema": 1,
        "version": __version__,
        "log": {"file": about.log, "sha256": about.sha256, "jobs": about.jobs, "replayed": about.replayed},
        "cluster": about.cluster,
        "policy": about.policy,
        "outcomes": outcomes,
    }


def _show(outcomes: Sequence[Outcome], about: About, language: Language) -> None:
    click.echo(_heading(about))
    click.echo(seeds_sentence(outcomes, language))
    for outcome in outcomes:
        left_out = outcome.whole[0].unsatisfiable
        if left_out:
            click.echo(text("what_if.not_run", language, name=name_of(outcome, language), count=left_out))
    tables = (
        whole_table(outcomes, language),
        size_table(outcomes, language, joined=True),
        group_table(outcomes, language, joined=True),
    )
    for table in tables:
        if table is not None:
            _print_table(table)


def _heading(about: About) -> str:
    return f"{about.log}: {about.replayed:,} jobs on {about.cluster}, {about.policy}"


def _print_table(table: Table) -> None:
    """One scenario's changes stand under each other; what stands in a row's first cell is never cut."""
    names = [name.replace(", ", "\n") for name, _ in table.rows]
    widest = max(len(line) for name in names for line in name.split("\n"))
    shown = RichTable(title=table.caption, title_justify="left")
    shown.add_column(textwrap.fill(table.header[0], widest, break_long_words=False), no_wrap=True)
    for column in table.header[1:]:
        shown.add_column(column, justify="right", overflow="fold")
    for name, (_, cells) in zip(names, table.rows, strict=True):
        shown.add_row(name, *(f"{best}\n{bounds}" if bounds else best for best, bounds in cells))
    console.print()
    console.print(shown)
    if table.note:
        console.print(table.note)
