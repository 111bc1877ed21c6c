"""``stellwerk waits``: how long jobs wait on a system, as the table that ``match --waits`` reads."""

from __future__ import annotations

import datetime
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from stellwerk import __version__
from stellwerk.catalog import load_catalogue
from stellwerk.cli.job_log import job_log_options, read_job_log
from stellwerk.cli.mistakes import naming_options
from stellwerk.cli.output import today
from stellwerk.cli.simulate import find_cluster
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.measures import MIN_JOBS, Unit, held_units, waits_as_toml, waits_by_size
from stellwerk.records import Format, JobTable, replayable
from stellwerk.simulation import POLICIES, policy_named, simulate


@click.command("waits")
@click.argument("log", type=click.Path(path_type=Path))
@job_log_options
@click.option("--system", "system_id", required=True, help="The system of the catalogue that the waits are of.")
@click.option(
    "--from",
    "origin",
    type=click.Choice(("simulated", "recorded")),
    default="simulated",
    show_default=True,
    help="Waits of a replay, or those that the log records.",
)
@click.option(
    "--cluster", "cluster_name", metavar="FILE|SYSTEM", help="For a replay: a cluster's file, or a system's id."
)
@click.option("--processors", type=int, help="For a replay: pooled processors; otherwise what the log states.")
@click.option("--policy", type=click.Choice(POLICIES), default="easy", show_default=True, help="For a replay.")
@click.option(
    "--device",
    "unit",
    type=click.Choice(("accelerators", "nodes", "processors")),
    default="accelerators",
    show_default=True,
    help="What of the log the system's scheduler counts as a device.",
)
@click.option(
    "--min-jobs", type=click.IntRange(1), default=MIN_JOBS, show_default=True, help="Leave out smaller classes."
)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day that the waits hold for; otherwise today.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the table here, not to the terminal.")
def command(
    log: Path,
    log_format: Format | None,
    mapping: Path | None,
    fields: str | None,
    timezone: str | None,
    system_id: str,
    origin: str,
    cluster_name: str | None,
    processors: int | None,
    policy: str,
    unit: Unit,
    min_jobs: int,
    as_of: datetime.datetime | None,
    out: Path | None,
) -> None:
    """Write the waits of the jobs in LOG by job size: a tenth, half and nine tenths wait at most so long."""
    systems = load_catalogue().systems
    if system_id not in systems:
        raise InputError("no such system", key="--system", value=system_id, allowed=list(systems))
    jobs = read_job_log(log, log_format=log_format, mapping=mapping, fields=fields, timezone=timezone)
    if origin == "recorded":
        wait_s, devices = jobs.wait_s, _recorded(jobs, unit)
        source = f"recorded in {log.name}"
    else:
        with naming_options({"processors": "--processors", "cluster": "--cluster", "policy": "--policy"}):
            jobs = replayable(jobs)
            cluster = find_cluster(jobs, processors, cluster_name)
            schedule = simulate(jobs, cluster=cluster, policy=policy_named(policy))
        wait_s, devices = schedule.wait_s, held_units(schedule, unit)
        source = f"simulated by Stellwerk {__version__} from {log.name} under {policy} on {cluster.name}"
    if not (devices > 0).any():
        raise InputError(f"says of no job how many {unit} it held", file=log, key="--device", value=unit)
    day = as_of.date() if as_of else today()
    waits = waits_by_size(
        wait_s=wait_s, devices=devices, system_id=system_id, as_of=day, source=source[:400], min_jobs=min_jobs
    )
    if not waits:
        raise InputError(f"holds no class of sizes with {min_jobs} waits", file=log, key="--min-jobs", value=min_jobs)
    text = waits_as_toml(waits)
    if out is None:
        click.echo(text, nl=False)
        return
    write_whole(out, text.encode())
    click.echo(f"{out}: the waits of {len(waits)} classes of job sizes on {system_id}, {origin}")


def _recorded(jobs: JobTable, unit: Unit) -> NDArray[np.int64]:
    return {"accelerators": jobs.accelerators, "nodes": jobs.nodes, "processors": jobs.processors}[unit]
