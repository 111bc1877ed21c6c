"""``stellwerk simulate --fit``: the policy whose waits come nearest to those that the log records."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from stellwerk.cli.output import console, print_json
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.measures import Candidate, Fit, fit_policy
from stellwerk.records import JobTable
from stellwerk.simulation import POLICIES, Cluster, PolicySettings, policy_as_toml, policy_named, read_policy

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Search:
    """Where the best policy is written to, and how long it is searched for."""

    out: Path
    tries: int
    seconds: float
    seed: int


def find_policy(name: str) -> PolicySettings:
    """The policy that ``--policy`` names, or the one that its file describes."""
    if name in POLICIES:
        return PolicySettings(name, policy_named(name))
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return read_policy(path)
    raise InputError("neither a policy nor the file of one", key="policy", value=name, allowed=POLICIES)


def run_fit(jobs: JobTable, cluster: Cluster, search: Search, *, as_json: bool) -> None:
    """Search, show the candidates, and write the nearest one's file."""
    started_s = time.perf_counter()
    fit = fit_policy(
        jobs,
        cluster,
        tries=search.tries,
        seed=search.seed,
        go_on=lambda: time.perf_counter() - started_s < search.seconds,
    )
    remarks = (
        f"Fitted to the waits that {jobs.source.name} records, on {cluster.name}:",
        f"distance {fit.best.distance:.3f} on {fit.fitted_jobs:,} jobs, {_held_out(fit.best)} on {fit.held_out_jobs:,}",
        f"held out; {len(fit.candidates)} policies tried, seed {search.seed}.",
    )
    write_whole(search.out, policy_as_toml(fit.best.settings, remarks).encode())
    if as_json:
        print_json(_as_dict(fit))
        return
    console.print(_table(fit))
    click.echo(
        "distance: of the waits to the recorded ones within each class of sizes, in decades; 0.3 is a factor of two"
    )
    click.echo(f"written to {search.out}; replay with it: --policy {search.out}")


def _table(fit: Fit) -> Table:
    title = f"{len(fit.candidates)} policies on {fit.fitted_jobs:,} jobs; {fit.held_out_jobs:,} held out"
    table = Table(title=title, title_justify="left")
    for name, justify in (
        ("policy", "left"),
        ("not as by default", "left"),
        ("distance", "right"),
        ("held out", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    rest = [candidate for candidate in fit.candidates[_SHOWN:] if candidate.held_out_distance is not None]
    for candidate in (*fit.candidates[:_SHOWN], *rest):
        settings = candidate.settings
        changed = ", ".join(f"{key} {value}" for key, value in _changed(settings).items())
        table.add_row(settings.name, changed, f"{candidate.distance:.3f}", _held_out(candidate))
    return table


def _held_out(candidate: Candidate) -> str:
    return "" if candidate.held_out_distance is None else f"{candidate.held_out_distance:.3f}"


def _changed(settings: PolicySettings) -> dict[str, Any]:
    """The parameters that are not as the policy has them by default, and the share out of service."""
    default = policy_named(settings.name)
    share = {"out_of_service": settings.out_of_service} if settings.out_of_service else {}
    return share | {
        field.name: value
        for field in fields(default)
        if (value := getattr(settings.policy, field.name)) != getattr(default, field.name)
    }


def _as_dict(fit: Fit) -> dict[str, Any]:
    return {
        "schema": 1,
        "fitted_jobs": fit.fitted_jobs,
        "held_out_jobs": fit.held_out_jobs,
        "until_s": fit.until_s,
        "candidates": [asdict(candidate) for candidate in fit.candidates],
    }
