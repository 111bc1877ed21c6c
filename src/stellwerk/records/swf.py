"""The Standard Workload Format, version 2.2, of the Parallel Workloads Archive (Chapin et al., JSSPP 1999)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.builder import FoundLines, TableBuilder
from stellwerk.records.model import JOB_STATES, MISSING, DropReason, Finding, Int32s, JobTable
from stellwerk.records.rows import RowFormat, row_blocks

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
_MAX_COUNT = 2**31 - 1
_MAX_MEMORY_KB = 2**50
_YEAR_9999_S = 253_000_000_000
_NUMBERS = (
    "job_id",
    "line",
    "submit_s",
    "wait_s",
    "run_s",
    "requested_s",
    "allocated_processors",
    "requested_processors",
)
Texts = dict[str, tuple[Int32s, Sequence[str]]]


def read_swf(path: Path) -> JobTable:
    """The jobs of an SWF log, plain or gzip.

    Negative values are missing ones. A line is dropped, and counted, when it is one part of a checkpointed run (status
    2 to 4; a line of its own sums them up) or gives no id. Submit times that decrease are sorted stably and counted.
    Group, queue and partition numbers are the names of account, QOS and partition.

    Raises InputError, with file and line, for what ``read_rows`` refuses, for an id that stands twice and for
    a log without a job.
    """
    found, builder = FoundLines(), TableBuilder()
    header: list[str] = []
    for rows in row_blocks(path, SWF):
        header += rows.comments
        columns = dict(zip(SWF.wanted, np.maximum(rows.values.T, MISSING), strict=True)) | {"line": rows.line}
        _refuse_beyond_measure(path, columns)
        kept = _judge(columns, found)
        builder.add(*_records({name: column[kept] for name, column in columns.items()}))
    if not len(builder.column("line")):
        raise InputError("holds no usable job", file=path, value=_described(found.dropped))
    refuse_duplicates(path, builder.column("job_id"), builder.column("line"))
    start_s = next(iter(_stated_numbers(header, "UnixStartTime")), 0)
    zero = datetime.datetime.fromtimestamp(start_s, datetime.UTC) if 0 < start_s < _YEAR_9999_S else None
    return builder.table(source=path, header=tuple(header), zero=zero, found=found)


def machine_processors(jobs: JobTable) -> int | None:
    """The machine's size by the log's header: MaxProcs, else MaxNodes; None where it states neither."""
    for label in ("MaxProcs", "MaxNodes"):
        for stated in _stated_numbers(jobs.header, label):
            if stated > 0:
                return stated
    return None


def _records(columns: Mapping[str, NDArray[np.int64]]) -> tuple[dict[str, NDArray[Any]], Texts]:
    memory_kb, processors = columns["requested_memory_kb"], columns["requested_processors"]
    numbers: dict[str, NDArray[Any]] = {name: columns[name] for name in _NUMBERS}
    numbers["memory_bytes"] = np.where(memory_kb > 0, memory_kb * np.maximum(processors, 1) * _BYTES_PER_KB, MISSING)
    return numbers, {
        "user": _names(columns["user_id"]),
        "account": _names(columns["group_id"]),
        "qos": _names(columns["queue_id"]),
        "partition": _names(columns["partition_id"]),
        "state": _states(columns["status"]),
    }


def _refuse_beyond_measure(path: Path, columns: Mapping[str, NDArray[np.int64]]) -> None:
    """Raises InputError for more processors than the table counts, and more memory than anything has."""
    memory_kb = columns["requested_memory_kb"].astype(np.float64) * np.maximum(columns["requested_processors"], 1)
    limits = {
        "allocated_processors": (columns["allocated_processors"], _MAX_COUNT),
        "requested_processors": (columns["requested_processors"], _MAX_COUNT),
        "requested_memory_kb": (memory_kb, _MAX_MEMORY_KB),
    }
    for name, (amount, limit) in limits.items():
        beyond = np.flatnonzero(amount > limit)
        if len(beyond):
            row = beyond[0]
            raise InputError(
                f"{name} is beyond measure",
                file=path,
                key=f"line {columns['line'][row]}",
                value=int(columns[name][row]),
            )


def _stated_numbers(header: Sequence[str], label: str) -> list[int]:
    found = (re.match(rf";\s*{label}:\s*([0-9]{{1,11}})(\s|$)", line) for line in header)
    return [int(stated[1]) for stated in found if stated]


def _names(numbers: NDArray[np.int64]) -> tuple[Int32s, Sequence[str]]:
    """Numbers as names, in the order of the numbers."""
    known, code = np.unique(numbers, return_inverse=True)
    first = int(np.searchsorted(known, 0))
    codes: Int32s = np.where(numbers < 0, MISSING, code - first).astype(np.int32)
    return codes, tuple(str(number) for number in known[first:].tolist())


def _states(status: NDArray[np.int64]) -> tuple[Int32s, Sequence[str]]:
    code = np.full(len(status), MISSING, np.int32)
    for number, state in _STATES.items():
        code[status == number] = JOB_STATES.index(state)
    return code, JOB_STATES


def _judge(columns: Mapping[str, NDArray[np.int64]], found: FoundLines) -> NDArray[np.bool_]:
    """Which rows are records of jobs; counts the others."""
    reasons: dict[DropReason, NDArray[np.bool_]] = {
        "partial_execution": np.isin(columns["status"], _PARTIAL_EXECUTION),
        "no_job_id": columns["job_id"] == MISSING,
    }
    kept = np.ones(len(columns["line"]), np.bool_)
    for reason, holds in reasons.items():
        found.drop(reason, columns["line"][holds & kept])
        kept &= ~holds
    return kept


def refuse_duplicates(path: Path, job_id: NDArray[np.int64], line: NDArray[np.int64]) -> None:
    """Raises InputError for an id that stands twice."""
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


def _described(dropped: Mapping[DropReason, Finding]) -> str:
    return ", ".join(f"{finding.jobs} dropped: {reason}" for reason, finding in dropped.items()) or "no row"
