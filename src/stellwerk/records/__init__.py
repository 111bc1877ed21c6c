"""What happened: job records of any source in one table."""

from stellwerk.records.model import MISSING, DropReason, Finding, JobTable
from stellwerk.records.rows import MAX_NUMBER, RowFormat, Rows, read_rows
from stellwerk.records.swf import machine_processors, read_swf

__all__ = [
    "MAX_NUMBER",
    "MISSING",
    "DropReason",
    "Finding",
    "JobTable",
    "RowFormat",
    "Rows",
    "machine_processors",
    "read_rows",
    "read_swf",
]
