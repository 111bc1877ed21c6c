"""``stellwerk simulate``: replay a job log under a scheduling policy."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from stellwerk import __version__
from stellwerk.accounting import ChargeRule, charge
from stellwerk.catalog import load_catalogue
from stellwerk.cli.fit import Search, find_policy, run_fit
from stellwerk.cli.job_log import job_log_options, read_job_log, refuse_overwriting, sha256_of
from stellwerk.cli.mistakes import naming_options
from stellwerk.cli.output import console, print_json
from stellwerk.cli.simulate_nodes import node_rows, nodes_as_dict
from stellwerk.cli.what_if import Asked, about_replay, run_what_if, what_if_options
from stellwerk.errors import InputError
from stellwerk.measures import Comparison, Scenario, compare, indicators
from stellwerk.messages import text
from stellwerk.records import MISSING, Format, JobTable, machine_processors, replayable
from stellwerk.simulation import (
    POLICIES,
    UNKNOWN,
    Cluster,
    Schedule,
    Unknown,
    cluster_of,
    nodes_are_compiled,
    read_cluster,
    read_schedule,
    simulate,
    write_schedule,
)

PROCESSOR_HOURS = ChargeRule(unit="processor-h", units_per_device_hour=1.0)
UNSATISFIABLE_REASONS = {
    "more_processors_than_the_machine": "more processors than the machine has",
    "more_than_the_machine": "more than the machine's nodes hold",
    "more_than_the_partition_holds": "more than the nodes of its partition hold",
    "more_nodes_than_the_partition_allows": "more nodes than its partition allows",
    "longer_than_the_partition_allows": "longer than its partition allows",
    "more_than_one_switch_group_holds": "more nodes than one switch group has",
    "kept_out_by_windows": "longer than maintenance and reservations leave room for",
    "unknown_partition": "a partition that the cluster does not have",
    "unknown_qos": "a QOS that the cluster does not have",
    "unknown_account": "an account that the cluster does not have",
    "never_enough_nodes_up": "never were enough nodes up at once",
    "restarted_too_often": "given up after too many restarts",
}


@click.command("simulate")
@click.argument("trace", type=click.Path(path_type=Path))
@job_log_options
@click.option("--processors", type=int, help="Processors of the machine; otherwise MaxProcs or MaxNodes of the log.")
@click.option("--cluster", "cluster_name", metavar="FILE|SYSTEM", help="A cluster's file, or a system's id.")
@click.option(
    "--policy",
    "policy_name",
    metavar="NAME|FILE",
    default="easy",
    show_default=True,
    help=f"Scheduling policy: {', '.join(POLICIES)}, or the file of one.",
)
@click.option(
    "--fit",
    "fit_out",
    type=click.Path(path_type=Path),
    help="Search for the policy that comes nearest to the recorded waits, and write its file.",
)
@click.option("--fit-tries", type=click.IntRange(1, 100_000), default=60, show_default=True, help="Policies to try.")
@click.option("--fit-seconds", type=click.FloatRange(0), default=60.0, show_default=True, help="Stop searching then.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the search, or of the failures of nodes."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the schedule here (.csv or .csv.gz).")
@click.option(
    "--compare",
    "other",
    type=click.Path(path_type=Path),
    help="A schedule to compare with; exit 1 if any start differs.",
)
@click.option(
    "--unknown",
    type=click.Choice(UNKNOWN),
    default="skip",
    show_default=True,
    help="Jobs with a partition, QOS or account that the cluster's file does not have: left out, run in the first one"
    " of the file, or a mistake.",
)
@what_if_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    trace: Path,
    log_format: Format | None,
    mapping: Path | None,
    fields: str | None,
    timezone: str | None,
    processors: int | None,
    cluster_name: str | None,
    policy_name: str,
    fit_out: Path | None,
    fit_tries: int,
    fit_seconds: float,
    seed: int,
    out: Path | None,
    other: Path | None,
    unknown: Unknown,
    as_json: bool,
    **asked: Any,
) -> None:
    """Replay the job log TRACE (SWF 2.2, sacct, CSV or Parquet; plain or gzip) and show what the waiting was like."""
    started_s = time.perf_counter()
    jobs = replayable(read_job_log(trace, log_format=log_format, mapping=mapping, fields=fields, timezone=timezone))
    with naming_options({"processors": "--processors", "cluster": "--cluster", "policy": "--policy"}):
        cluster = find_cluster(jobs, processors, cluster_name)
        settings = find_policy(policy_name)
    if not cluster.is_pooled and not nodes_are_compiled():
        click.echo("compiling the scheduler for nodes, once in this installation: about a minute", err=True)
    policy = settings.name
    chosen = cluster.multifactor if policy_name == "multifactor" else settings.policy
    question = Asked(**asked)
    if fit_out is not None:
        if question.anything or out is not None or other is not None:
            raise click.UsageError(
                "--fit searches for a policy: give it without --out, --compare, --change and --sweep"
            )
        refuse_overwriting(fit_out, [trace])
        run_fit(jobs, cluster, Search(fit_out, fit_tries, fit_seconds, seed), as_json=as_json)
        return
    cluster = settings.in_service(cluster)
    if question.anything:
        if out is not None or other is not None:
            raise click.UsageError("--out and --compare are about one schedule: give them without --change and --sweep")
        about = about_replay(jobs, cluster, policy, question.language)
        with naming_options({"policy": "--policy"}):
            run_what_if(Scenario(jobs, cluster, chosen), about, question, as_json=as_json)
        return
    question.refuse_alone()
    expected = read_schedule(other) if other is not None else None
    if out is not None:
        refuse_overwriting(out, [path for path in (trace, other) if path is not None])
    read_s = time.perf_counter() - started_s
    with naming_options({"policy": "--policy"}):
        schedule = simulate(jobs, cluster=cluster, policy=chosen, seed=seed, unknown=unknown)
    scheduled_s = time.perf_counter() - started_s - read_s
    comparison = compare(expected, schedule, processors=cluster.processors) if expected is not None else None
    if out is not None:
        write_schedule(schedule, out)
    result = _result(jobs, schedule, cluster, policy, comparison) | {
        "time_s": {"read": round(read_s, 4), "schedule": round(scheduled_s, 4)}
    }
    if as_json:
        print_json(result)
    else:
        _show(result, trace)
    if comparison is not None and comparison.differing_starts > 0:
        sys.exit(1)


def find_cluster(jobs: JobTable, processors: int | None, name: str | None) -> Cluster:
    """What ``--processors`` or ``--cluster`` names, else the pooled machine that the log states."""
    if name is None:
        return Cluster.pooled(processors if processors is not None else _stated_processors(jobs))
    if processors is not None:
        raise InputError("the cluster says how large it is", key="processors", value=processors, allowed="one of both")
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return read_cluster(path)
    systems = load_catalogue().systems
    if name not in systems:
        raise InputError(
            "neither a file nor a system of the catalogue", key="cluster", value=name, allowed=list(systems)
        )
    return cluster_of(systems[name])


def _stated_processors(jobs: JobTable) -> int:
    stated = machine_processors(jobs)
    if stated is None:
        raise InputError("the header states neither MaxProcs nor MaxNodes: give --processors", file=jobs.source)
    return stated


def _result(
    jobs: JobTable, schedule: Schedule, cluster: Cluster, policy: str, comparison: Comparison | None
) -> dict[str, Any]:
    recorded_wait_s = jobs.wait_s[jobs.wait_s != MISSING]
    units = charge(PROCESSOR_HOURS, devices=schedule.processors, duration_s=schedule.run_s)
    return {
        "schema": 1,
        "version": __version__,
        "log": {
            "file": jobs.source.name,
            "sha256": sha256_of(jobs.source),
            "jobs": len(jobs) + sum(finding.jobs for finding in jobs.dropped.values()),
            "dropped": {reason: asdict(finding) for reason, finding in jobs.dropped.items()},
            "remarks": {remark: asdict(finding) for remark, finding in jobs.remarks.items()},
            "out_of_order": asdict(jobs.out_of_order) if jobs.out_of_order else None,
            "unsatisfiable": _unsatisfiable(schedule),
            "cut_at_limit": int((jobs.run_s > jobs.limit_s).sum()),
            "recorded_mean_wait_s": float(recorded_wait_s.mean()) if len(recorded_wait_s) else None,
        },
        "cluster": cluster.name,
        "processors": cluster.processors,
        "policy": policy,
        "indicators": asdict(indicators(schedule, processors=cluster.processors)),
        "nodes": nodes_as_dict(schedule, cluster),
        "charge": {"unit": PROCESSOR_HOURS.unit, "units": float(units.sum())},
        "comparison": _compared(comparison) if comparison is not None else None,
    }


def _unsatisfiable(schedule: Schedule) -> dict[str, Any]:
    """How many jobs can never run, and the first line of each reason."""
    found: dict[str, dict[str, int]] = {}
    for job in schedule.unsatisfiable:
        finding = found.setdefault(job.reason, {"jobs": 0, "first_line": job.line})
        finding["jobs"] += 1
    return found


def _compared(comparison: Comparison) -> dict[str, Any]:
    return {
        "differing_starts": comparison.differing_starts,
        "earlier_starts": comparison.earlier_starts,
        "later_starts": comparison.later_starts,
        "changes": comparison.changes,
    }


def _show(result: dict[str, Any], trace: Path) -> None:
    log, found, compared = result["log"], result["indicators"], result["comparison"]
    click.echo(f"{trace}: {log['jobs']:,} jobs, {found['jobs']:,} replayed")
    for reason, finding in log["dropped"].items():
        click.echo(f"  dropped: {_counted(finding)}: {text(f'drop_reason.{reason}', 'en')}")
    for remark, finding in log["remarks"].items():
        click.echo(f"  {_counted(finding)}: {text(f'remark.{remark}', 'en')}")
    if log["out_of_order"]:
        click.echo(f"  sorted by submit time: {_counted(log['out_of_order'])} submitted before the preceding line")
    for reason, finding in log["unsatisfiable"].items():
        click.echo(f"  can never run: {_counted(finding)}: {UNSATISFIABLE_REASONS[reason]}")
    if log["cut_at_limit"]:
        click.echo(f"  cut at the requested time: {log['cut_at_limit']:,}")
    table = Table(title=f"{result['policy']} on {result['processors']:,} processors", title_justify="left")
    table.add_column("indicator")
    table.add_column("value", justify="right")
    rows = {
        "mean wait": f"{found['mean_wait_s']:,.1f} s",
        "median wait": f"{found['median_wait_s']:,.1f} s",
        "mean bounded slowdown (10 s)": f"{found['bounded_slowdown']:,.2f}",
        "utilisation, first submit to last end": f"{found['utilisation']:.4f}",
        "first submit to last end": f"{found['makespan_s']:,} s",
        "charged": f"{result['charge']['units']:,.1f} {result['charge']['unit']}",
    }
    if result["nodes"] is not None:
        rows |= node_rows(result["nodes"])
    if log["recorded_mean_wait_s"] is not None:
        rows["mean wait that the log records"] = f"{log['recorded_mean_wait_s']:,.1f} s"
    for row in rows.items():
        table.add_row(*row)
    console.print(table)
    if compared is not None:
        click.echo(
            f"differing starts: {compared['differing_starts']:,} ({compared['earlier_starts']:,} earlier,"
            f" {compared['later_starts']:,} later; mean wait {compared['changes']['mean_wait_s']:+,.1f} s)"
        )
    click.echo(f"read in {result['time_s']['read']:.2f} s, scheduled in {result['time_s']['schedule']:.2f} s")


def _counted(finding: dict[str, int]) -> str:
    return f"{finding['jobs']:,} (first in line {finding['first_line']})"
