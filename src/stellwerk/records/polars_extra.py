"""The one place where polars enters: it belongs to the extra ``[sim]``, and the room works without it for SWF."""

from __future__ import annotations

from typing import Any

from stellwerk.errors import MissingExtraError


def load_polars() -> Any:
    """polars; raises MissingExtraError where it is not installed."""
    try:
        import polars  # the room is imported without the extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading sacct, CSV and Parquet", "sim") from error
    return polars
