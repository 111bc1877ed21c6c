"""A job table as CSV or Parquet, every column of it, with the mapping that reads it back."""

from __future__ import annotations

import gzip
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from stellwerk.errors import InputError, MissingExtraError
from stellwerk.files import whole_file
from stellwerk.records.model import MISSING, JobTable, Labels

if TYPE_CHECKING:
    import polars

COLUMN_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_LEFT_OUT = ("line",)


def write_columns(jobs: JobTable, path: Path) -> None:
    """Write the columns that hold anything, under their own names, whole or not at all; the suffix says how.

    What is missing is empty. ``column_mapping`` has what a reader needs to know. Raises InputError for another suffix
    and where the file cannot be written, MissingExtraError without polars.
    """
    if not path.name.lower().endswith(COLUMN_SUFFIXES):
        raise InputError("is of no kind that is written", file=path, allowed=COLUMN_SUFFIXES)
    frame = _frame(jobs)
    with whole_file(path) as file:
        if path.name.lower().endswith(".parquet"):
            frame.write_parquet(file, compression="zstd")
        elif path.name.lower().endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as compressed:  # no name, no time inside
                frame.write_csv(cast(BinaryIO, compressed))
        else:
            frame.write_csv(file)


def written_columns(jobs: JobTable) -> tuple[str, ...]:
    """The columns that hold anything."""
    names = (field.name for field in fields(jobs) if field.name not in _LEFT_OUT)
    return tuple(name for name in names if _holds_anything(getattr(jobs, name)))


def _holds_anything(column: object) -> bool:
    if isinstance(column, Labels):
        return bool((column.code != MISSING).any())
    return isinstance(column, np.ndarray) and bool((column != MISSING).any())


def _frame(jobs: JobTable) -> polars.DataFrame:
    try:
        import polars as pl  # slow to import, and needed for these files only
    except ImportError as error:
        raise MissingExtraError("writing CSV and Parquet", "sim") from error
    return pl.DataFrame([_series(name, getattr(jobs, name)) for name in written_columns(jobs)])


def _series(name: str, column: Labels | np.ndarray) -> polars.Series:
    import polars as pl

    if not isinstance(column, Labels):
        series = pl.Series(name, column)
        return series.set(series == MISSING, None)
    codes = pl.Series(column.code)
    names = pl.Series(name, column.names, dtype=pl.String)
    return names.gather(codes.set(codes == MISSING, None))
