"""Job records in CSV or Parquet, read through a mapping file."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.columns_batch import Batch
from stellwerk.records.columns_csv import csv_batches
from stellwerk.records.columns_parquet import is_parquet, parquet_batches
from stellwerk.records.columns_values import (
    MAX_BYTES,
    NO_INSTANT,
    LabelColumn,
    Place,
    amounts,
    instants,
    states,
    whole_numbers,
)
from stellwerk.records.mapping import COUNTS, DURATIONS, INSTANTS, SINCE_ZERO, TEXTS, ColumnMapping, ColumnSource
from stellwerk.records.mapping_file import read_mapping
from stellwerk.records.model import MISSING, DropReason, Finding, Int64s, JobTable
from stellwerk.records.rows import MAX_NUMBER
from stellwerk.records.swf import refuse_duplicates

if TYPE_CHECKING:
    import polars

_MAX_COUNT = 2**31 - 1
_NUMBERS = ("job_id", "line", "submit", "eligible", *DURATIONS, "memory", *COUNTS)


def read_columns(path: Path, *, mapping: Path, timezone: str | None = None) -> JobTable:
    """The jobs of a CSV (plain or gzip) or Parquet file, as the mapping file at ``mapping`` says.

    ``timezone`` is the clock of instants for which neither the data nor the mapping name one. Waits and run times that
    no column gives are differences of instants; records without an id are dropped and counted.

    Raises MissingExtraError without polars; InputError with the file, and with line and column where there is one, for
    what the mapping does not allow, for what ends before it starts, and for an id that stands twice.
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
    numbers: dict[str, list[NDArray[Any]]] = field(default_factory=lambda: {name: [] for name in _NUMBERS})
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
        self._derive_durations(columns)
        kept = self._judge(columns)
        for name in _NUMBERS:
            self.numbers[name].append(columns.pop(name)[kept])
        self._add_texts(batch, kept)
        self.rows += len(batch.line)

    def table(self) -> JobTable:
        """All rows in queue order."""
        if not self.rows:
            raise InputError("holds no row", file=self.path)
        numbers = {name: np.concatenate(self.numbers.pop(name)) for name in _NUMBERS}
        if not len(numbers["line"]):
            raise InputError("holds no usable job", file=self.path, value=", ".join(self.dropped))
        refuse_duplicates(self.path, numbers["job_id"], numbers["line"])
        zero_s = self._zero_s(numbers)
        for name in ("submit", "eligible"):
            numbers[name] = np.where(numbers[name] == NO_INSTANT, MISSING, numbers[name] - (zero_s or 0))
        out_of_order = _out_of_order(numbers)
        queue_order = np.argsort(numbers["submit"], kind="stable") if out_of_order else None
        labels = {name: self.labels.pop(name).labels() for name in TEXTS}
        if queue_order is not None:
            # In place, a column at a time, for the sake of memory.
            for name in numbers:
                numbers[name] = numbers[name][queue_order]
            labels = {name: column.take(queue_order) for name, column in labels.items()}
        counts: dict[str, Any] = {name: numbers[name] for name in COUNTS}
        texts: dict[str, Any] = labels
        return JobTable(
            job_id=numbers["job_id"],
            line=numbers["line"],
            submit_s=numbers["submit"],
            eligible_s=numbers["eligible"],
            wait_s=numbers["wait"],
            run_s=numbers["run"],
            requested_s=numbers["limit"],
            memory_bytes=numbers["memory"],
            **counts,
            **texts,
            source=self.path,
            header=(self.mapping.source,) if self.mapping.source else (),
            zero=None if zero_s is None else datetime.datetime.fromtimestamp(zero_s, datetime.UTC),
            dropped=self.dropped,
            out_of_order=out_of_order,
        )

    def _amounts(self, batch: Batch) -> dict[str, NDArray[Any]]:
        found = {name: self._amount(name, batch, MAX_NUMBER) for name in DURATIONS}
        counts = {name: self._amount(name, batch, _MAX_COUNT) for name in COUNTS}
        found["memory"] = self._amount("memory", batch, MAX_BYTES)
        for name, source in self.mapping.columns.items():
            if source.per is not None:
                found_here = found if name == "memory" else counts
                limit = MAX_BYTES if name == "memory" else _MAX_COUNT
                found_here[name] = self._times_size(name, source, found_here[name], counts, limit, batch)
        return found | {name: values.astype(np.int32) for name, values in counts.items()}

    def _amount(self, name: str, batch: Batch, limit: int) -> Int64s:
        source = self.mapping.columns.get(name)
        if source is None:
            return np.full(len(batch.line), MISSING, np.int64)
        if source.column is None:
            return np.full(len(batch.line), round(float(source.value or 0) * (source.factor or 60.0)), np.int64)
        values, _, place = self._given(name, batch)
        return amounts(values, source, limit, place)

    def _times_size(
        self, name: str, source: ColumnSource, each: Int64s, counts: dict[str, Int64s], limit: int, batch: Batch
    ) -> Int64s:
        """What holds for each node or processor, times the number of them; nothing where that is not known."""
        allocated, requested = (counts[f"{which}_{source.per}s"] for which in ("allocated", "requested"))
        first, second = (requested, allocated) if not name.startswith("allocated") else (allocated, requested)
        size = np.where(first > 0, first, second)
        known = (each != MISSING) & (size > 0)
        product = np.where(known, each.astype(np.float64) * size, MISSING)
        wrong = np.flatnonzero(product > limit)
        if len(wrong):
            column = source.column or name
            Place(self.path, column, batch.line).refuse(
                int(wrong[0]), f"is too much for {size[wrong[0]]} {source.per}s", int(each[wrong[0]])
            )
        total: Int64s = np.where(known, each * np.where(known, size, 1), MISSING)
        return total

    def _instants(self, batch: Batch) -> dict[str, NDArray[Any]]:
        found: dict[str, Int64s] = {}
        for name in INSTANTS:
            if name not in self.mapping.columns:
                found[name] = np.full(len(batch.line), NO_INSTANT, np.int64)
                continue
            values, source, place = self._given(name, batch)
            if source.timezone is None:
                source = replace(source, timezone=self.timezone)
            first, second = instants(values, source, place)
            if name != "submit":
                # Of an hour that a clock shows twice, the second where the first would be too early.
                before = found["start" if name == "end" else "submit"]
                first = np.where((first < before) & (first != NO_INSTANT), second, first)
            found[name] = first
        return found

    def _derive_durations(self, columns: dict[str, NDArray[Any]]) -> None:
        """Fills waits and run times that no column gives from the instants, and removes these."""
        submit, start, end = columns["submit"], columns.pop("start"), columns.pop("end")
        wait, run = columns["wait"], columns["run"]
        by_wait = (start == NO_INSTANT) & (submit != NO_INSTANT) & (wait != MISSING)
        start = np.where(by_wait, submit + np.where(by_wait, wait, 0), start)
        for name, durations, first, last, problem in (
            ("wait", wait, submit, start, "starts before it is submitted"),
            ("run", run, start, end, "ends before it starts"),
        ):
            known = (durations == MISSING) & (first != NO_INSTANT) & (last != NO_INSTANT)
            between = np.where(known, last, 0) - np.where(known, first, 0)
            wrong = np.flatnonzero(between < 0)
            if len(wrong):
                key = f"line {columns['line'][wrong[0]]}"
                raise InputError(problem, file=self.path, key=key, value=f"{between[wrong[0]]} s")
            columns[name] = np.where(known, between, durations)

    def _given(self, name: str, batch: Batch) -> tuple[polars.Series, ColumnSource, Place]:
        source = self.mapping.columns[name]
        column = str(source.column)
        return batch.columns[column], source, Place(self.path, column, batch.line)

    def _judge(self, columns: dict[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Which rows are records of jobs; counts the others."""
        no_id: NDArray[np.bool_] = columns["job_id"] == MISSING
        lines = columns["line"][no_id]
        if len(lines):
            before = self.dropped.get("no_job_id", Finding(0, int(lines[0])))
            self.dropped["no_job_id"] = Finding(before.jobs + len(lines), before.first_line)
        return ~no_id

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

    def _zero_s(self, numbers: dict[str, NDArray[Any]]) -> int | None:
        """The first instant of the log, since 1970; None where the log does not date its zero."""
        if self.mapping.columns["submit"].time == SINCE_ZERO:
            return None
        instants_s = (numbers[name][numbers[name] != NO_INSTANT] for name in ("submit", "eligible"))
        return min((int(known.min()) for known in instants_s if len(known)), default=None)


def _out_of_order(numbers: dict[str, NDArray[Any]]) -> Finding | None:
    earlier = np.flatnonzero(np.diff(numbers["submit"]) < 0) + 1
    return Finding(len(earlier), int(numbers["line"][earlier[0]])) if len(earlier) else None
