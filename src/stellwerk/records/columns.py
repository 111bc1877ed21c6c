"""Job records in CSV or Parquet, read through a mapping file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.builder import INT32_COLUMNS, TEXT_COLUMNS, FoundLines, TableBuilder
from stellwerk.records.columns_csv import Batch, csv_batches
from stellwerk.records.columns_parquet import is_parquet, parquet_batches
from stellwerk.records.columns_values import Place, Texts, amounts, instants, states, texts, whole_numbers
from stellwerk.records.durations import durations
from stellwerk.records.mapping import DURATIONS, INSTANTS, SINCE_ZERO, ColumnMapping, ColumnSource
from stellwerk.records.model import MISSING, DropReason, Int64s, JobTable
from stellwerk.records.rows import MAX_NUMBER
from stellwerk.records.sacct import EPOCH
from stellwerk.records.sacct_times import check_timezone
from stellwerk.records.sacct_values import MAX_BYTES
from stellwerk.records.swf import refuse_duplicates

if TYPE_CHECKING:
    import polars

_MAX_COUNT = 2**31 - 1


def read_columns(path: Path, *, mapping: Path, timezone: str | None = None) -> JobTable:
    """The jobs of a CSV (plain or gzip) or Parquet file, as the mapping file at ``mapping`` says.

    ``timezone`` is the clock of instants for which neither the data nor the mapping name one. Waits and run times that
    no column gives are differences of instants. Records without an id, and those that end before they start or start
    before they are submitted, are dropped and counted. Second 0 of dated instants is 1970-01-01 UTC.

    Raises MissingExtraError without polars; InputError with the file, and with line and column where there is one, for
    what the mapping does not allow and for an id that stands twice.
    """
    from stellwerk.records.mapping_file import read_mapping  # pydantic is slow to import

    if timezone is not None:
        check_timezone(timezone)
    chosen = read_mapping(mapping)
    wanted = list(dict.fromkeys(source.column for source in chosen.columns.values() if source.column is not None))
    batches = parquet_batches(path, wanted) if is_parquet(path) else csv_batches(path, chosen.separator, wanted)
    reader = _Reader(path, chosen, timezone)
    for batch in batches:
        reader.add(batch)
    return reader.table()


@dataclass(slots=True)
class _Reader:
    """Turns batches into records."""

    path: Path
    mapping: ColumnMapping
    timezone: str | None
    builder: TableBuilder = field(default_factory=TableBuilder)
    found: FoundLines = field(default_factory=FoundLines)
    rows: int = 0

    def add(self, batch: Batch) -> None:
        columns = self._amounts(batch)
        submit_s, eligible_s, start_s, end_s = self._instants(batch)
        spans = durations(submit_s, start_s, end_s, columns.pop("wait"), columns.pop("run"))
        if "job_id" in self.mapping.columns:
            job_id = whole_numbers(*self._given("job_id", batch))
        else:
            job_id = np.arange(self.rows + 1, self.rows + 1 + len(batch.line))
        columns |= {"job_id": job_id, "line": batch.line, "submit_s": submit_s, "eligible_s": eligible_s}
        columns |= {"wait_s": spans.wait_s, "run_s": spans.run_s}
        columns |= {"requested_s": columns.pop("limit"), "memory_bytes": columns.pop("memory")}
        kept = np.ones(len(batch.line), np.bool_)
        reasons: dict[DropReason, NDArray[np.bool_]] = {
            "no_job_id": job_id == MISSING,
            "times_out_of_order": spans.backwards,
        }
        for reason, holds in reasons.items():
            self.found.drop(reason, batch.line[holds & kept])
            kept &= ~holds
        self.builder.add(
            {name: column[kept] for name, column in columns.items()},
            {name: (code[kept], words) for name, (code, words) in self._texts(batch).items()},
        )
        self.rows += len(batch.line)

    def table(self) -> JobTable:
        """All rows in queue order."""
        if not self.builder.rows:
            dropped = ", ".join(f"{finding.jobs} dropped: {reason}" for reason, finding in self.found.dropped.items())
            raise InputError("holds no job", file=self.path, value=dropped or "no row")
        refuse_duplicates(self.path, self.builder.column("job_id"), self.builder.column("line"))
        header = (self.mapping.source,) if self.mapping.source else ()
        zero = None if self.mapping.columns["submit"].time == SINCE_ZERO else EPOCH
        return self.builder.table(source=self.path, header=header, zero=zero, found=self.found)

    def _amounts(self, batch: Batch) -> dict[str, Int64s]:
        limits = dict.fromkeys(DURATIONS, MAX_NUMBER) | {"memory": MAX_BYTES}
        limits |= dict.fromkeys(INT32_COLUMNS, _MAX_COUNT)
        found = {name: self._amount(name, batch, limit) for name, limit in limits.items()}
        # Processors first: memory may hold for each of them.
        for name in (*INT32_COLUMNS, "memory"):
            source = self.mapping.columns.get(name)
            if source is not None and source.per is not None:
                found[name] = self._of_all(name, source, found, limits[name], batch)
        return found

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

    def _instants(self, batch: Batch) -> list[Int64s]:
        """Seconds since 1970, or since the log's own zero, of ``INSTANTS``."""
        found: dict[str, Int64s] = {}
        for name in INSTANTS:
            if name not in self.mapping.columns:
                found[name] = np.full(len(batch.line), MISSING, np.int64)
                continue
            values, source, place = self._given(name, batch)
            if source.timezone is None:
                source = replace(source, timezone=self.timezone)
            first_s, second_s = instants(values, source, place)
            self.found.remark("clock_shown_twice", batch.line[first_s != second_s])
            if name != "submit":
                # Of an hour that a clock shows twice, the second where the first would be too early.
                before_s = found["start" if name == "end" else "submit"]
                first_s = np.where(first_s < before_s, second_s, first_s)
            found[name] = first_s
        return list(found.values())

    def _given(self, name: str, batch: Batch) -> tuple[polars.Series, ColumnSource, Place]:
        source = self.mapping.columns[name]
        column = str(source.column)
        return batch.columns[column], source, Place(self.path, column, batch.line)

    def _texts(self, batch: Batch) -> dict[str, Texts]:
        found: dict[str, Texts] = {}
        for name in TEXT_COLUMNS:
            source = self.mapping.columns.get(name)
            if source is None:
                continue
            if source.column is None:
                found[name] = np.zeros(len(batch.line), np.int32), (str(source.value),)
            elif name == "state":
                values, _, place = self._given(name, batch)
                found[name] = states(values, source, self.mapping, place)
            else:
                found[name] = texts(*self._given(name, batch))
        return found
