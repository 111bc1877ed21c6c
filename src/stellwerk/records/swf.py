"""The Standard Workload Format, version 2.2, of the Parallel Workloads Archive (Chapin et al., JSSPP 1999)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.model import MISSING, DropReason, Finding, JobTable
from stellwerk.records.rows import RowFormat, read_rows

SWF = RowFormat(
    fields=(
        "job_id",
        "submit_s",
        "wait_s",
        "run_s",
        "allocated_processors",
        "average_cpu_s",
        "used_memory_kb",
        "requested_processors",
        "requested_s",
        "requested_memory_kb",
        "status",
        "user_id",
        "group_id",
        "executable_id",
        "queue_id",
        "partition_id",
        "preceding_job_id",
        "think_time_s",
    ),
    wanted=(
        "job_id",
        "submit_s",
        "wait_s",
        "run_s",
        "requested_s",
        "allocated_processors",
        "requested_processors",
        "status",
    ),
    separator=None,
    comment=";",
)
_PARTIAL_EXECUTION = (2, 3, 4)


def read_swf(path: Path) -> JobTable:
    """The jobs of an SWF log, plain or gzip.

    Negative values are missing ones. A job is dropped, and counted under the first reason that holds, when its
    line is one part of a checkpointed run (status 2 to 4; a line of its own sums them up), or when the log
    gives no id, submit time, positive run time or positive number of processors. Submit times that decrease
    are sorted stably and counted.

    Raises InputError, with file and line, for what ``read_rows`` refuses, for an id that stands twice and for
    a log without a usable job.
    """
    rows = read_rows(path, SWF)
    values = np.maximum(rows.values.T, MISSING)
    columns = dict(zip(SWF.wanted, values, strict=True))
    kept, dropped = _judge(columns, rows.line)
    if not kept.any():
        raise InputError("holds no usable job", file=path, value=_described(dropped))
    columns = {name: column[kept] for name, column in columns.items() if name != "status"} | {"line": rows.line[kept]}
    _refuse_duplicates(path, columns["job_id"], columns["line"])
    earlier = np.flatnonzero(np.diff(columns["submit_s"]) < 0) + 1
    out_of_order = Finding(len(earlier), int(columns["line"][earlier[0]])) if len(earlier) else None
    if out_of_order:
        queue_order = np.argsort(columns["submit_s"], kind="stable")
        columns = {name: column[queue_order] for name, column in columns.items()}
    return JobTable(**columns, source=path, header=rows.comments, dropped=dropped, out_of_order=out_of_order)


def machine_processors(jobs: JobTable) -> int | None:
    """The machine's size by the log's header: MaxProcs, else MaxNodes; None where it states neither."""
    for label in ("MaxProcs", "MaxNodes"):
        for line in jobs.header:
            stated = re.match(rf";\s*{label}:\s*([0-9]{{1,11}})(\s|$)", line)
            if stated and int(stated[1]) > 0:
                return int(stated[1])
    return None


def _judge(
    columns: dict[str, NDArray[np.int64]], line: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], dict[DropReason, Finding]]:
    """Which rows are usable jobs, and why the others are not."""
    reasons: dict[DropReason, NDArray[np.bool_]] = {
        "partial_execution": np.isin(columns["status"], _PARTIAL_EXECUTION),
        "no_job_id": columns["job_id"] == MISSING,
        "no_submit_time": columns["submit_s"] == MISSING,
        "no_run_time": columns["run_s"] == MISSING,
        "zero_run_time": columns["run_s"] == 0,
        "no_processors": np.maximum(columns["allocated_processors"], columns["requested_processors"]) <= 0,
    }
    kept = np.ones(len(line), np.bool_)
    dropped: dict[DropReason, Finding] = {}
    for reason, holds in reasons.items():
        lines = line[holds & kept]
        if len(lines):
            dropped[reason] = Finding(len(lines), int(lines[0]))
        kept &= ~holds
    return kept, dropped


def _refuse_duplicates(path: Path, job_id: NDArray[np.int64], line: NDArray[np.int64]) -> None:
    by_id = np.argsort(job_id, kind="stable")
    again = np.flatnonzero(np.diff(job_id[by_id]) == 0)
    if len(again) == 0:
        return
    first, second = by_id[again[0]], by_id[again[0] + 1]
    raise InputError(
        f"the job of line {line[first]} has the same id",
        file=path,
        key=f"line {line[second]}",
        value=int(job_id[first]),
    )


def _described(dropped: dict[DropReason, Finding]) -> str:
    return ", ".join(f"{finding.jobs} dropped: {reason}" for reason, finding in dropped.items()) or "no row"
