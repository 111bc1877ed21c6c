"""A job table as a log in the Standard Workload Format, version 2.2."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from stellwerk.files import whole_file
from stellwerk.records.model import MISSING, JobTable, Labels

NOT_IN_SWF = (
    "eligible_s",
    "requested_nodes",
    "allocated_nodes",
    "requested_accelerators",
    "allocated_accelerators",
)
"""Columns that the format has no field for."""

STATUS_OF_STATE = {"completed": 1, "cancelled": 5, "running": MISSING, "pending": MISSING, "suspended": MISSING}
"""The format knows completed, failed and cancelled; every other end is a failed one."""

_FAILED = 0
_ROWS_AT_ONCE = 50_000
_BYTES_PER_KB = 1024


def write_swf(jobs: JobTable, path: Path, *, notes: Sequence[str] = (), processors: int | None = None) -> None:
    """Write a log whole or not at all, compressed where the name ends in ``.gz``.

    ``notes`` go into the header line by line, ``processors`` is the size of the machine. Users, accounts, QOS (the
    format's queue) and partitions become their number if every name is one, otherwise 1, 2, … in the order of
    the table's names; the names of queues and partitions stand in the header. Raises InputError where it cannot
    be written.
    """
    with whole_file(path) as file:
        if path.suffix != ".gz":
            _write(jobs, file, notes, processors)
            return
        with gzip.GzipFile(
            filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0
        ) as compressed:  # no name and no time inside
            _write(jobs, cast(BinaryIO, compressed), notes, processors)


def _write(jobs: JobTable, stream: BinaryIO, notes: Sequence[str], processors: int | None) -> None:
    stream.writelines(f"; {line}\n".encode() for line in _header(jobs, notes, processors))
    columns = _columns(jobs)
    for first in range(0, len(jobs), _ROWS_AT_ONCE):
        block = (column[first : first + _ROWS_AT_ONCE].tolist() for column in columns)
        stream.write("".join(f"{' '.join(map(str, row))}\n" for row in zip(*block, strict=True)).encode())


def _header(jobs: JobTable, notes: Sequence[str], processors: int | None) -> Iterator[str]:
    yield "Version: 2.2"
    yield f"MaxJobs: {len(jobs)}"
    yield f"MaxRecords: {len(jobs)}"
    if jobs.zero is not None:
        yield f"UnixStartTime: {round(jobs.zero.timestamp())}"
        yield "TimeZoneString: UTC"
    if processors is not None:
        yield f"MaxProcs: {processors}"
    for kind, labels in (("Queue", jobs.qos), ("Partition", jobs.partition)):
        for name, number in zip(labels.names, _numbers(labels), strict=True):
            yield f"{kind}: {number} {name}"
    yield from (f"Note: {note}" for note in notes)


def _columns(jobs: JobTable) -> list[NDArray[np.int64]]:
    missing = np.full(len(jobs), MISSING, np.int64)
    requested = np.maximum(jobs.requested_processors, 1)
    memory_kb = np.where(jobs.memory_bytes > 0, jobs.memory_bytes // requested // _BYTES_PER_KB, MISSING)
    return [
        jobs.job_id,
        jobs.submit_s,
        jobs.wait_s,
        jobs.run_s,
        jobs.allocated_processors.astype(np.int64),
        missing,
        missing,
        jobs.requested_processors.astype(np.int64),
        jobs.requested_s,
        memory_kb,
        _status(jobs.state),
        *(_coded(labels) for labels in (jobs.user, jobs.account)),
        missing,
        *(_coded(labels) for labels in (jobs.qos, jobs.partition)),
        missing,
        missing,
    ]


def _status(state: Labels) -> NDArray[np.int64]:
    known = [STATUS_OF_STATE.get(name, _FAILED) for name in state.names]
    return np.array([*known, MISSING], np.int64)[state.code]


def _coded(labels: Labels) -> NDArray[np.int64]:
    return np.array([*_numbers(labels), MISSING], np.int64)[labels.code]


def _numbers(labels: Labels) -> list[int]:
    """One number for each name."""
    if all(name.isascii() and name.isdecimal() and str(int(name)) == name for name in labels.names):
        return [int(name) for name in labels.names]
    return list(range(1, len(labels.names) + 1))
