"""Job records in CSV or Parquet, read through a mapping file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.columns_batch import Batch
from stellwerk.records.columns_csv import csv_batches
from stellwerk.records.columns_parquet import is_parquet, parquet_batches
from stellwerk.records.columns_table import COUNTS, NO_INSTANT, NUMBERS, in_queue_order, waits_and_runs
from stellwerk.records.columns_values import (
    LabelColumn,
    Place,
    amounts,
    instants,
    states,
    whole_numbers,
)
from stellwerk.records.mapping import DURATIONS, INSTANTS, MAX_BYTES, SINCE_ZERO, TEXTS, ColumnMapping, ColumnSource
from stellwerk.records.mapping_file import read_mapping
from stellwerk.records.model import MISSING, DropReason, Finding, Int64s, JobTable
from stellwerk.records.rows import MAX_NUMBER

if TYPE_CHECKING:
    import polars

_MAX_COUNT = 2**31 - 1
_COLUMN_OF = {"wait": "wait_s", "run": "run_s", "limit": "requested_s", "memory": "memory_bytes"}
"""Columns of the table that a mapping calls otherwise."""


def read_columns(path: Path, *, mapping: Path, timezone: str | None = None) -> JobTable:
    """The jobs of a CSV (plain or gzip) or Parquet file, as the mapping file at ``mapping`` says.

    ``timezone`` is the clock of instants for which neither the data nor the mapping name one. Waits and run times that
    no column gives are differences of instants. Records without an id, and those that end before they start or start
    before they are submitted, are dropped and counted.

    Raises MissingExtraError without polars; InputError with the file, and with line and column where there is one, for
    what the mapping does not allow and for an id that stands twice.
    """
    chosen = read_mapping(mapping)
    wanted = list(dict.fromkeys(source.column for source in chosen.columns.values() if source.column is not None))
    batches = parquet_batches(path, wanted) if is_parquet(path) else csv_batches(path, chosen.separator, wanted)
    reader = _Reader(path, chosen, timezone)
    for batch in batches:
        reader.add(batch)
    return reader.table()


@dataclass(slots=True)
class _Reader:
    """Turns batches into columns, kept in pieces until all are there: ten million rows have no room to stand twice."""

    path: Path
    mapping: ColumnMapping
    timezone: str | None
    numbers: dict[str, list[NDArray[Any]]] = field(default_factory=lambda: {name: [] for name in NUMBERS})
    labels: dict[str, LabelColumn] = field(default_factory=dict)
    states: list[NDArray[np.int32]] = field(default_factory=list)
    dropped: dict[DropReason, Finding] = field(default_factory=dict)
    rows: int = 0

    def add(self, batch: Batch) -> None:
        columns = {"line": batch.line, **self._amounts(batch), **self._instants(batch)}
        if "job_id" in self.mapping.columns:
            columns["job_id"] = whole_numbers(*self._given("job_id", batch))
        else:
            columns["job_id"] = np.arange(self.rows + 1, self.rows + 1 + len(batch.line))
        columns["wait_s"], columns["run_s"], backwards = waits_and_runs(
            columns["submit_s"], columns.pop("start_s"), columns.pop("end_s"), columns["wait_s"], columns["run_s"]
        )
        no_id: NDArray[np.bool_] = columns["job_id"] == MISSING
        self._drop("no_job_id", batch.line[no_id])
        self._drop("times_out_of_order", batch.line[backwards & ~no_id])
        kept = ~(no_id | backwards)
        for name in NUMBERS:
            self.numbers[name].append(columns[name] if kept.all() else columns[name][kept])
        self._add_texts(batch, kept)
        self.rows += len(batch.line)

    def table(self) -> JobTable:
        """All rows in queue order."""
        if not self.rows:
            raise InputError("holds no row", file=self.path)
        return in_queue_order(
            {name: np.concatenate(self.numbers.pop(name)) for name in NUMBERS},
            {name: self.labels.pop(name).labels() for name in TEXTS},
            dated=self.mapping.columns["submit"].time != SINCE_ZERO,
            source=self.path,
            header=(self.mapping.source,) if self.mapping.source else (),
            dropped=self.dropped,
        )

    def _drop(self, reason: DropReason, lines: Int64s) -> None:
        if len(lines):
            before = self.dropped.get(reason, Finding(0, int(lines[0])))
            self.dropped[reason] = Finding(before.jobs + len(lines), before.first_line)

    def _amounts(self, batch: Batch) -> dict[str, NDArray[Any]]:
        limits = dict.fromkeys(DURATIONS, MAX_NUMBER) | {"memory": MAX_BYTES} | dict.fromkeys(COUNTS, _MAX_COUNT)
        found = {name: self._amount(name, batch, limit) for name, limit in limits.items()}
        # Processors first: memory may hold for each of them.
        for name in (*COUNTS, "memory"):
            source = self.mapping.columns.get(name)
            if source is not None and source.per is not None:
                found[name] = self._of_all(name, source, found, limits[name], batch)
        return {
            _COLUMN_OF.get(name, name): values.astype(np.int32) if name in COUNTS else values
            for name, values in found.items()
        }

    def _amount(self, name: str, batch: Batch, limit: int) -> Int64s:
        source = self.mapping.columns.get(name)
        if source is None:
            return np.full(len(batch.line), MISSING, np.int64)
        if source.column is None:
            return np.full(len(batch.line), round(float(source.value or 0) * (source.factor or 60.0)), np.int64)
        values, _, place = self._given(name, batch)
        return amounts(values, source, limit, place)

    def _of_all(self, name: str, source: ColumnSource, found: dict[str, Int64s], limit: int, batch: Batch) -> Int64s:
        """What holds for each node or processor, times the number of them; nothing where that is not known."""
        each = found[name]
        allocated, requested = found[f"allocated_{source.per}s"], found[f"requested_{source.per}s"]
        first, second = (allocated, requested) if name.startswith("allocated") else (requested, allocated)
        size = np.where(first > 0, first, second)
        known = (each != MISSING) & (size > 0)
        wrong = np.flatnonzero(known & (each.astype(np.float64) * size > limit))
        if len(wrong):
            row = int(wrong[0])
            place = Place(self.path, source.column or name, batch.line)
            place.refuse(row, f"is too much for each of {size[row]} {source.per}s", int(each[row]))
        total: Int64s = np.where(known, each * np.where(known, size, 1), MISSING)
        return total

    def _instants(self, batch: Batch) -> dict[str, NDArray[Any]]:
        found: dict[str, Int64s] = {}
        for name in INSTANTS:
            if name not in self.mapping.columns:
                found[f"{name}_s"] = np.full(len(batch.line), NO_INSTANT, np.int64)
                continue
            values, source, place = self._given(name, batch)
            if source.timezone is None:
                source = replace(source, timezone=self.timezone)
            first, second = instants(values, source, place)
            if name != "submit":
                # Of an hour that a clock shows twice, the second where the first would be too early.
                before = found["start_s" if name == "end" else "submit_s"]
                first = np.where((first < before) & (first != NO_INSTANT), second, first)
            found[f"{name}_s"] = first
        return found

    def _given(self, name: str, batch: Batch) -> tuple[polars.Series, ColumnSource, Place]:
        source = self.mapping.columns[name]
        column = str(source.column)
        return batch.columns[column], source, Place(self.path, column, batch.line)

    def _add_texts(self, batch: Batch, kept: NDArray[np.bool_]) -> None:
        for name in TEXTS:
            column = self.labels.setdefault(name, LabelColumn.of_states() if name == "state" else LabelColumn())
            source = self.mapping.columns.get(name)
            if source is None:
                column.add_constant(None, len(batch.line))
            elif source.column is None:
                column.add_constant(str(source.value), len(batch.line))
            elif name == "state":
                values, _, place = self._given(name, batch)
                column.parts.append(states(values, source, self.mapping, place))
            else:
                column.add(*self._given(name, batch))
            column.parts[-1] = column.parts[-1][kept]
