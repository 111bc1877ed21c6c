"""``stellwerk jobs report``: hours, waits, failures and utilisation from a job log."""

from __future__ import annotations

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click
from rich.box import SIMPLE_HEAD
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stellwerk import __version__
from stellwerk.cli.job_log import job_log_options, read_job_log, refuse_overwriting, sha256_of
from stellwerk.cli.jobs_files import Day, shown_zone
from stellwerk.cli.mistakes import naming_options
from stellwerk.cli.output import console, print_json
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.measures import (
    Capacity,
    Device,
    GroupBy,
    Usage,
    UsageTable,
    key_figures,
    log_sentences,
    render_usage_page,
    summary_of,
    usage_as_dict,
    usage_of,
    usage_tables,
)
from stellwerk.messages import LANGUAGES, Language, text
from stellwerk.records import Format, JobTable, machine_processors
from stellwerk.simulation import Cluster, read_cluster

JSON_SCHEMA = 1
GROUPS_SHOWN = 10
"""Accounts or users that are listed by name; ``--all`` lists every one."""
GROUPS_ON_PAGE = 50

_size = click.IntRange(min=1)


@click.command(name="report")
@click.argument("file", type=click.Path(path_type=Path))
@job_log_options
@click.option(
    "--cluster", type=click.Path(path_type=Path), help="The cluster's file, for utilisation (docs/clusters.md)."
)
@click.option("--accelerators", type=_size, help="How many accelerators the cluster has, for utilisation.")
@click.option("--processors", type=_size, help="How many processors (cores) the cluster has.")
@click.option("--nodes", type=_size, help="How many nodes the cluster has.")
@click.option("--count", "device", type=click.Choice(get_args(Device)), help="What to count hours of.")
@click.option("--by", type=click.Choice(get_args(GroupBy)), help="Which groups to list. Default: accounts, if known.")
@click.option("--from", "first_day", type=Day(), help="First day to count.")
@click.option("--to", "last_day", type=Day(), help="Last day to count.")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--all", "show_all", is_flag=True, help="List every group.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the report as one self-contained page.")
def report_command(
    file: Path,
    log_format: Format | None,
    fields: str | None,
    mapping: Path | None,
    timezone: str | None,
    cluster: Path | None,
    accelerators: int | None,
    processors: int | None,
    nodes: int | None,
    device: Device | None,
    by: GroupBy | None,
    first_day: datetime.datetime | None,
    last_day: datetime.datetime | None,
    language: Language,
    show_all: bool,
    as_json: bool,
    html: Path | None,
) -> None:
    """What the job log FILE says about the use of its cluster: hours, waits, failures, utilisation, queue."""
    if html is not None:
        refuse_overwriting(html, [path for path in (file, mapping) if path is not None])
    jobs = read_job_log(file, log_format=log_format, mapping=mapping, fields=fields, timezone=timezone)
    zone = shown_zone(jobs, timezone)
    with naming_options({"device": "--count", "by": "--by"}):
        usage = usage_of(
            jobs,
            zone=zone,
            capacities=_capacities(jobs, cluster, accelerator=accelerators, processor=processors, node=nodes),
            device=device,
            by=by,
            period_s=_period(jobs, first_day, last_day, zone),
        )
    left_out = _left_out(jobs, language)
    sha256 = sha256_of(file)
    if html is not None:
        most_rows = None if show_all else GROUPS_ON_PAGE
        page = render_usage_page(usage, language, file=file.name, sha256=sha256, left_out=left_out, most_rows=most_rows)
        write_whole(html, page.encode())
    if as_json:
        print_json(
            {"schema": JSON_SCHEMA, "version": __version__, "log": _log_as_dict(jobs, sha256)} | usage_as_dict(usage)
        )
        return
    _show(usage, file, left_out, language, None if show_all else GROUPS_SHOWN)
    if html is not None:
        console.print(text("usage.page_written", language, path=str(html)), markup=False)


def _capacities(jobs: JobTable, cluster: Path | None, **given: int | None) -> dict[Device, Capacity]:
    """The sizes given, otherwise those of the cluster's file, otherwise the one that the log states."""
    found: dict[Device, Capacity] = {}
    stated = machine_processors(jobs)
    if stated is not None:
        found["processor"] = Capacity(stated, "log")
    counted = {} if cluster is None else _devices(read_cluster(cluster))
    found |= {device: Capacity(count, "cluster") for device, count in counted.items()}
    for device in get_args(Device):
        if given[device] is not None:
            found[device] = Capacity(given[device], "option")
    return found


def _devices(cluster: Cluster) -> dict[Device, int]:
    """How many accelerators, cores and nodes a cluster has, as far as its file counts them."""
    if not cluster.groups:
        return {"processor": cluster.processors}
    found: dict[Device, int] = {
        "accelerator": sum(group.nodes * group.accelerators for group in cluster.groups),
        "node": sum(group.nodes for group in cluster.groups),
    }
    cores = [group.nodes * group.cores for group in cluster.groups if group.cores is not None]
    if len(cores) == len(cluster.groups):
        found["processor"] = sum(cores)
    return {device: count for device, count in found.items() if count}


def _period(
    jobs: JobTable, first_day: datetime.datetime | None, last_day: datetime.datetime | None, zone: datetime.tzinfo
) -> tuple[int, int] | None:
    """From the start of the first day to the end of the last, in seconds of the log."""
    if first_day is None and last_day is None:
        return None
    if jobs.zero is None:
        option = "--from" if first_day is not None else "--to"
        raise InputError(
            "the log does not say when it began, so that no day can be chosen", file=jobs.source, key=option
        )
    if first_day is not None and last_day is not None and first_day > last_day:
        raise InputError("is before --from", key="--to", value=f"{last_day:%Y-%m-%d}")
    begin_s = int(jobs.submit_s.min())
    end_s = int((jobs.submit_s + jobs.wait_s.clip(0) + jobs.run_s.clip(0)).max()) + 1
    first_s = begin_s if first_day is None else _second(first_day, jobs.zero, zone)
    beyond_s = end_s if last_day is None else _second(last_day + datetime.timedelta(days=1), jobs.zero, zone)
    if first_s >= end_s:
        raise InputError("is after all that the log holds", key="--from", value=f"{first_day:%Y-%m-%d}")
    if beyond_s <= begin_s:
        raise InputError("is before all that the log holds", key="--to", value=f"{last_day:%Y-%m-%d}")
    return first_s, beyond_s


def _second(day: datetime.datetime, zero: datetime.datetime, zone: datetime.tzinfo) -> int:
    return round((day.replace(tzinfo=zone).astimezone(datetime.UTC) - zero).total_seconds())


def _left_out(jobs: JobTable, language: Language) -> list[str]:
    """What the reader dropped, sorted, or had to make sense of."""
    found = [(f"drop_reason.{reason}", "log_dropped", finding) for reason, finding in jobs.dropped.items()]
    found += [(f"remark.{remark}", "log_remark", finding) for remark, finding in jobs.remarks.items()]
    sentences = [
        text(f"usage.{key}", language, jobs=one.jobs, line=one.first_line, reason=text(reason, language))
        for reason, key, one in found
    ]
    if jobs.out_of_order is not None:
        one = jobs.out_of_order
        sentences.append(text("usage.log_out_of_order", language, jobs=one.jobs, line=one.first_line))
    return sentences


def _log_as_dict(jobs: JobTable, sha256: str) -> dict[str, object]:
    return {
        "file": jobs.source.name,
        "sha256": sha256,
        "jobs": len(jobs),
        "dropped": {reason: asdict(finding) for reason, finding in jobs.dropped.items()},
        "remarks": {remark: asdict(finding) for remark, finding in jobs.remarks.items()},
        "out_of_order": asdict(jobs.out_of_order) if jobs.out_of_order else None,
    }


def _show(usage: Usage, file: Path, left_out: list[str], language: Language, most_rows: int | None) -> None:
    console.print(text("usage.title", language, file=file.name), style="bold", markup=False)
    console.print(summary_of(usage, language))
    for figure in key_figures(usage, language):
        console.print()
        console.print(f"{figure.label}: [bold]{figure.amount}[/bold]")
        console.print(Padding(figure.remark, (0, 0, 0, 2), expand=False))
    for table in usage_tables(usage, language, most_rows=most_rows):
        _show_table(table, language)
    console.print()
    console.print(text("usage.log_title", language), style="bold")
    for sentence in (*log_sentences(usage, language), *left_out):
        console.print(Padding(f"– {sentence}", (0, 0, 0, 2), expand=False))


def _show_table(table: UsageTable, language: Language) -> None:
    console.print()
    console.print(table.title, style="bold")
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, cell in enumerate(table.header):
        shown.add_column(cell, justify="right" if number else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*map(Text, row))  # names are no markup
    console.print(Padding(shown, (0, 0, 0, 2), expand=False))
    for note in table.notes:
        console.print(Padding(note, (0, 0, 0, 2), expand=False))
    if table.more:
        console.print(Padding(text("usage.more_rows", language, count=table.more), (0, 0, 0, 2), expand=False))
