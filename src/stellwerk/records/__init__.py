"""What happened: job records of any source in one table."""

from stellwerk.records.model import JOB_STATES, MISSING, DropReason, Finding, JobTable, Labels
from stellwerk.records.replayable import replayable
from stellwerk.records.rows import MAX_NUMBER, RowFormat, Rows, read_rows
from stellwerk.records.swf import machine_processors, read_swf

__all__ = [
    "JOB_STATES",
    "MAX_NUMBER",
    "MISSING",
    "DropReason",
    "Finding",
    "JobTable",
    "Labels",
    "RowFormat",
    "Rows",
    "machine_processors",
    "read_rows",
    "read_swf",
    "replayable",
]
