"""Schedules as CSV files: ``job_id,submit,start,end,procs``, times in whole seconds; gzip where the name ends so."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.records import RowFormat, read_rows
from stellwerk.simulation.model import Schedule

_COLUMNS = ("job_id", "submit", "start", "end", "procs")
_TITLE = ",".join(_COLUMNS)
_FORMAT = RowFormat(fields=_COLUMNS, wanted=_COLUMNS, separator=",", comment="job_id")


def write_schedule(schedule: Schedule, path: Path) -> None:
    """Write a schedule in its own order; the file appears whole or not at all. Equal schedules give equal bytes.

    Raises InputError where the file cannot be written.
    """
    columns = (schedule.job_id, schedule.submit_s, schedule.start_s, schedule.end_s, schedule.processors)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    text = "\n".join((_TITLE, *(f"{a},{b},{c},{d},{e}" for a, b, c, d, e in rows), ""))
    content = text.encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    write_whole(path, content)


def read_schedule(path: Path) -> Schedule:
    """A schedule as ``write_schedule`` writes it, in the order of the file.

    Raises InputError, with file and line, for what ``records.read_rows`` refuses, another title line, no row at
    all and a job that starts before its submission or ends before its start.
    """
    rows = read_rows(path, _FORMAT)
    if rows.comments != (_TITLE,):
        raise InputError("not a schedule: no title line or another", file=path, allowed=_TITLE)
    if len(rows.line) == 0:
        raise InputError("holds no job", file=path)
    schedule = Schedule.of_processors(*np.ascontiguousarray(rows.values.T))
    backward = np.flatnonzero((schedule.wait_s < 0) | (schedule.run_s < 0))
    if len(backward):
        raise InputError("submit, start and end are out of order", file=path, key=f"line {rows.line[backward[0]]}")
    return schedule
