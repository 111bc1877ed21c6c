"""A piece of a data file: some of its columns, and the line of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import MissingExtraError

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, slots=True)
class Batch:
    columns: polars.DataFrame
    line: NDArray[np.int64]


def load_polars() -> Any:
    """polars, which only CSV and Parquet need; raises MissingExtraError where it is not installed."""
    try:
        import polars
    except ImportError:
        raise MissingExtraError("reading CSV or Parquet", "sim") from None
    return polars
