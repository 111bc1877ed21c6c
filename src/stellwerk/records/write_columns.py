"""A job table as CSV or Parquet, every column that holds anything, with the mapping file that reads it back."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError, MissingExtraError
from stellwerk.files import whole_file, write_whole
from stellwerk.records.model import MISSING, JobTable, Labels

if TYPE_CHECKING:
    import polars

COLUMN_SUFFIXES = (".csv", ".csv.gz", ".parquet")

_INSTANTS = {"submit": "submit_s", "eligible": "eligible_s"}
_NUMBERS = {
    "job_id": "job_id",
    "wait": "wait_s",
    "run": "run_s",
    "limit": "requested_s",
    "memory": "memory_bytes",
    "requested_processors": "requested_processors",
    "allocated_processors": "allocated_processors",
    "requested_nodes": "requested_nodes",
    "allocated_nodes": "allocated_nodes",
    "requested_accelerators": "requested_accelerators",
    "allocated_accelerators": "allocated_accelerators",
}
_TEXTS = ("user", "account", "partition", "qos", "state")
"""The keys of a mapping file, with the columns of the table."""


def write_columns(jobs: JobTable, path: Path) -> None:
    """Write the table and, beside it, the mapping file (``mapping_path``), each whole or not at all.

    The suffix says how. Instants are seconds since 1970 in UTC, or since the log's zero where nobody dates it; what is
    missing is empty. Raises InputError for another suffix and where a file cannot be written, MissingExtraError
    without polars.
    """
    name = path.name.lower()
    if not name.endswith(COLUMN_SUFFIXES):
        raise InputError("is of no kind that is written", file=path, allowed=COLUMN_SUFFIXES)
    columns = _columns(jobs)
    frame = _frame(columns)
    with whole_file(path) as file:
        if name.endswith(".parquet"):
            frame.write_parquet(file)
        elif name.endswith(".gz"):
            with gzip.GzipFile(
                filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0
            ) as compressed:  # no name, no time inside
                frame.write_csv(cast(BinaryIO, compressed))
        else:
            frame.write_csv(file)
    write_whole(mapping_path(path), _mapping(jobs, list(columns)).encode())


def mapping_path(path: Path) -> Path:
    """Where the mapping of a written table lies: ``log.csv.gz`` → ``log.mapping.toml``."""
    suffix = next((suffix for suffix in COLUMN_SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.with_name(f"{path.name[: len(path.name) - len(suffix)]}.mapping.toml")


def _columns(jobs: JobTable) -> dict[str, NDArray[np.integer] | Labels]:
    """The columns that hold anything, by the key of a mapping file."""
    zero_s = 0 if jobs.zero is None else round(jobs.zero.timestamp())
    instants = {key: getattr(jobs, name) for key, name in _INSTANTS.items()}
    columns: dict[str, NDArray[np.integer] | Labels] = {
        **{key: np.where(seconds == MISSING, MISSING, seconds + zero_s) for key, seconds in instants.items()},
        **{key: getattr(jobs, name) for key, name in _NUMBERS.items()},
        **{key: getattr(jobs, key) for key in _TEXTS},
    }
    return {key: column for key, column in columns.items() if key == "submit" or _holds_anything(column)}


def _holds_anything(column: NDArray[np.integer] | Labels) -> bool:
    return bool(((column.code if isinstance(column, Labels) else column) != MISSING).any())


def _frame(columns: dict[str, NDArray[np.integer] | Labels]) -> polars.DataFrame:
    try:
        import polars as pl  # slow to import, and needed for these files only
    except ImportError as error:
        raise MissingExtraError("writing CSV and Parquet", "sim") from error
    series = []
    for key, column in columns.items():
        if isinstance(column, Labels):
            codes = pl.Series(column.code)
            names = pl.Series(key, column.names, dtype=pl.String)
            series.append(names.gather(codes.set(codes == MISSING, None)))
        else:
            numbers = pl.Series(key, column)
            series.append(numbers.set(numbers == MISSING, None))
    return pl.DataFrame(series)


def _mapping(jobs: JobTable, keys: list[str]) -> str:
    time = "epoch_s" if jobs.zero is not None else "since_zero_s"
    units = {"wait": "s", "run": "s", "limit": "s", "memory": "B"}
    lines = ["schema = 1", "", "[columns]"]
    for key in keys:
        if key in _INSTANTS:
            lines.append(f'{key} = {{ column = "{key}", time = "{time}" }}')
        elif key in units:
            lines.append(f'{key} = {{ column = "{key}", unit = "{units[key]}" }}')
        else:
            lines.append(f'{key} = "{key}"')
    return "\n".join([*lines, ""])
