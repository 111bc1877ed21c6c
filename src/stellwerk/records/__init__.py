"""What happened: job records of any source in one table."""

from stellwerk.records.columns import read_columns
from stellwerk.records.model import JOB_STATES, MISSING, DropReason, Finding, JobTable, Labels, Remark
from stellwerk.records.read import FORMATS, Format, read_jobs
from stellwerk.records.replayable import replayable
from stellwerk.records.rows import MAX_NUMBER, RowFormat, Rows, read_rows
from stellwerk.records.sacct import read_sacct
from stellwerk.records.sacct_json import read_sacct_json
from stellwerk.records.swf import machine_processors, read_swf

__all__ = [
    "FORMATS",
    "JOB_STATES",
    "MAX_NUMBER",
    "MISSING",
    "DropReason",
    "Finding",
    "Format",
    "JobTable",
    "Labels",
    "Remark",
    "RowFormat",
    "Rows",
    "machine_processors",
    "read_columns",
    "read_jobs",
    "read_rows",
    "read_sacct",
    "read_sacct_json",
    "read_swf",
    "replayable",
]
