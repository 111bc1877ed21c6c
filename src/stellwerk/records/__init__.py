"""What happened: job records of any source in one table, and measured training runs in another."""

from stellwerk.records.anonymise import KEY_BYTES, NamedColumn, Rarity, anonymise, rarity_of
from stellwerk.records.columns import read_columns
from stellwerk.records.contradictory_runs import Contradiction, contradictions, step_time_from_tokens_s
from stellwerk.records.model import JOB_STATES, MISSING, DropReason, Finding, JobTable, Labels, Remark
from stellwerk.records.read import FORMATS, Format, read_jobs
from stellwerk.records.replayable import replayable
from stellwerk.records.rows import MAX_NUMBER, RowFormat, Rows, read_rows
from stellwerk.records.sacct import read_sacct
from stellwerk.records.sacct_json import read_sacct_json
from stellwerk.records.swf import machine_processors, read_swf
from stellwerk.records.training_runs import (
    TrainingRun,
    append_training_run,
    read_training_runs,
    write_training_runs,
)
from stellwerk.records.usable_runs import Fault, RefusedRow, UsableRuns, faults_of, read_usable_runs
from stellwerk.records.write_columns import COLUMN_SUFFIXES, mapping_path, write_columns
from stellwerk.records.write_swf import NOT_IN_SWF, write_swf

__all__ = [
    "COLUMN_SUFFIXES",
    "FORMATS",
    "JOB_STATES",
    "KEY_BYTES",
    "MAX_NUMBER",
    "MISSING",
    "NOT_IN_SWF",
    "Contradiction",
    "DropReason",
    "Fault",
    "Finding",
    "Format",
    "JobTable",
    "Labels",
    "NamedColumn",
    "Rarity",
    "RefusedRow",
    "Remark",
    "RowFormat",
    "Rows",
    "TrainingRun",
    "UsableRuns",
    "anonymise",
    "append_training_run",
    "contradictions",
    "faults_of",
    "machine_processors",
    "mapping_path",
    "rarity_of",
    "read_columns",
    "read_jobs",
    "read_rows",
    "read_sacct",
    "read_sacct_json",
    "read_swf",
    "read_training_runs",
    "read_usable_runs",
    "replayable",
    "step_time_from_tokens_s",
    "write_columns",
    "write_swf",
    "write_training_runs",
]
