"""The Standard Workload Format, version 2.2, of the Parallel Workloads Archive (Chapin et al., JSSPP 1999)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.model import JOB_STATES, MISSING, DropReason, Finding, JobTable, Labels
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
        "requested_memory_kb",
        "status",
        "user_id",
        "group_id",
        "queue_id",
        "partition_id",
    ),
    separator=None,
    comment=";",
)
_PARTIAL_EXECUTION = (2, 3, 4)
_STATES = {0: "failed", 1: "completed", 5: "cancelled"}
_BYTES_PER_KB = 1024


def read_swf(path: Path) -> JobTable:
    """The jobs of an SWF log, plain or gzip.

    Negative values are missing ones. A line is dropped, and counted, when it is one part of a checkpointed run (status
    2 to 4; a line of its own sums them up) or gives no id. Submit times that decrease are sorted stably and counted.
    Group, queue and partition numbers are the names of account, QOS and partition.

    Raises InputError, with file and line, for what ``read_rows`` refuses, for an id that stands twice and for
    a log without a job.
    """
    rows = read_rows(path, SWF)
    values = np.maximum(rows.values.T, MISSING)
    columns = dict(zip(SWF.wanted, values, strict=True)) | {"line": rows.line}
    kept, dropped = _judge(columns)
    if not kept.any():
        raise InputError("holds no usable job", file=path, value=_described(dropped))
    columns = {name: column[kept] for name, column in columns.items()}
    _refuse_duplicates(path, columns["job_id"], columns["line"])
    earlier = np.flatnonzero(np.diff(columns["submit_s"]) < 0) + 1
    out_of_order = Finding(len(earlier), int(columns["line"][earlier[0]])) if len(earlier) else None
    if out_of_order:
        queue_order = np.argsort(columns["submit_s"], kind="stable")
        columns = {name: column[queue_order] for name, column in columns.items()}
    return _table(columns, path, rows.comments, dropped, out_of_order)


def machine_processors(jobs: JobTable) -> int | None:
    """The machine's size by the log's header: MaxProcs, else MaxNodes; None where it states neither."""
    for label in ("MaxProcs", "MaxNodes"):
        for stated in _stated_numbers(jobs.header, label):
            if stated > 0:
                return stated
    return None


def _table(
    columns: Mapping[str, NDArray[np.int64]],
    path: Path,
    header: tuple[str, ...],
    dropped: Mapping[DropReason, Finding],
    out_of_order: Finding | None,
) -> JobTable:
    unknown_s = np.full(len(columns["line"]), MISSING, np.int64)
    unknown = unknown_s.astype(np.int32)
    memory_kb = columns["requested_memory_kb"]
    processors = np.maximum(columns["requested_processors"], 1)
    start_s = next(iter(_stated_numbers(header, "UnixStartTime")), None)
    return JobTable(
        **{name: columns[name] for name in ("job_id", "line", "submit_s", "wait_s", "run_s", "requested_s")},
        eligible_s=unknown_s,
        memory_bytes=np.where(memory_kb > 0, memory_kb * processors * _BYTES_PER_KB, MISSING),
        requested_processors=_counts(columns["requested_processors"]),
        allocated_processors=_counts(columns["allocated_processors"]),
        requested_nodes=unknown,
        allocated_nodes=unknown,
        requested_accelerators=unknown,
        allocated_accelerators=unknown,
        user=_names(columns["user_id"]),
        account=_names(columns["group_id"]),
        qos=_names(columns["queue_id"]),
        partition=_names(columns["partition_id"]),
        state=_states(columns["status"]),
        source=path,
        header=header,
        zero=datetime.datetime.fromtimestamp(start_s, datetime.UTC) if start_s else None,
        dropped=dropped,
        out_of_order=out_of_order,
    )


def _stated_numbers(header: tuple[str, ...], label: str) -> list[int]:
    found = (re.match(rf";\s*{label}:\s*([0-9]{{1,11}})(\s|$)", line) for line in header)
    return [int(stated[1]) for stated in found if stated]


def _counts(values: NDArray[np.int64]) -> NDArray[np.int32]:
    return values.astype(np.int32)


def _names(numbers: NDArray[np.int64]) -> Labels:
    """Numbers as names, in the order of the numbers."""
    known, code = np.unique(numbers, return_inverse=True)
    first = int(np.searchsorted(known, 0))
    codes: NDArray[np.int32] = np.where(numbers < 0, MISSING, code - first).astype(np.int32)
    return Labels(codes, tuple(str(number) for number in known[first:].tolist()))


def _states(status: NDArray[np.int64]) -> Labels:
    code = np.full(len(status), MISSING, np.int32)
    for number, state in _STATES.items():
        code[status == number] = JOB_STATES.index(state)
    return Labels(code, JOB_STATES)


def _judge(columns: Mapping[str, NDArray[np.int64]]) -> tuple[NDArray[np.bool_], dict[DropReason, Finding]]:
    """Which rows are records of jobs, and why the others are not."""
    reasons: dict[DropReason, NDArray[np.bool_]] = {
        "partial_execution": np.isin(columns["status"], _PARTIAL_EXECUTION),
        "no_job_id": columns["job_id"] == MISSING,
    }
    kept = np.ones(len(columns["line"]), np.bool_)
    dropped: dict[DropReason, Finding] = {}
    for reason, holds in reasons.items():
        lines = columns["line"][holds & kept]
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
