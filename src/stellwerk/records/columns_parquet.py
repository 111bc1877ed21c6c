"""Parquet in batches of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from stellwerk.errors import InputError
from stellwerk.files import load_polars
from stellwerk.records.columns_csv import Batch, refuse_absent

_BATCH_ROWS = 500_000
_MAX_ROWS = 10**9
_MAGIC = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Whether the file begins as Parquet does; raises InputError where it cannot be read."""
    try:
        if path.exists() and not path.is_file():  # a pipe, for one, would keep us waiting
            raise InputError("not a regular file", file=path)
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from error


def parquet_batches(path: Path, wanted: Sequence[str]) -> Iterator[Batch]:
    """The wanted columns, some rows at a time; a row's line is its number, from 1.

    Raises InputError with the file for a column that is not there and for a file that polars cannot read.
    """
    pl = load_polars()
    broken = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)
    try:
        data = pl.scan_parquet(path, glob=False, hive_partitioning=False, low_memory=True)
        names = data.collect_schema().names()
        rows = data.select(pl.len()).collect().item()
    except broken as error:
        raise _refusal(path, error) from None
    refuse_absent(path, names, wanted)
    if rows > _MAX_ROWS:
        raise InputError("more rows than can be meant", file=path, value=rows, allowed=f"at most {_MAX_ROWS:,}")
    for first in range(0, rows, _BATCH_ROWS):
        try:
            columns = data.select(wanted).slice(first, _BATCH_ROWS).collect()
        except broken as error:
            raise _refusal(path, error) from None
        yield Batch(columns, np.arange(first + 1, first + 1 + columns.height))


def _refusal(path: Path, error: BaseException) -> InputError:
    return InputError(
        f"broken Parquet: {str(error).splitlines()[0] if str(error) else type(error).__name__}", file=path
    )
