"""A job table that grows piece by piece: ten million records have no room to stand twice."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.records.model import MISSING, DropReason, Finding, Int32s, JobTable, Labels, Remark

INT64_COLUMNS = ("job_id", "line", "submit_s", "eligible_s", "wait_s", "run_s", "requested_s", "memory_bytes")
INT32_COLUMNS = (
    "requested_processors",
    "allocated_processors",
    "requested_nodes",
    "allocated_nodes",
    "requested_accelerators",
    "allocated_accelerators",
)
_FIRST_ROWS = 1024
TEXT_COLUMNS = ("user", "account", "partition", "qos", "state")


@dataclass(slots=True)
class FoundLines:
    """Lines of a log counted by what they share, as they come up."""

    dropped: dict[DropReason, Finding] = field(default_factory=dict)
    remarks: dict[Remark, Finding] = field(default_factory=dict)

    def drop(self, reason: DropReason, lines: NDArray[np.int64]) -> None:
        _count(self.dropped, reason, lines)

    def remark(self, remark: Remark, lines: NDArray[np.int64]) -> None:
        _count(self.remarks, remark, lines)


@dataclass(slots=True)
class GrowingColumn:
    """An array that grows at its end.

    It is one block of memory at any time: pieces that are joined in the end would stand beside what they become, since
    an allocator does not give back many small blocks. What is reserved and not yet written takes no memory.
    """

    dtype: type[np.signedinteger[Any]]
    rows: int = 0
    _reserved: NDArray[Any] = field(default_factory=lambda: np.empty(0, np.int32))

    def append(self, piece: NDArray[Any]) -> None:
        end = self.rows + len(piece)
        if end > len(self._reserved):
            reserved = np.empty(max(end, self.rows + self.rows // 2, _FIRST_ROWS), self.dtype)
            reserved[: self.rows] = self._reserved[: self.rows]
            self._reserved = reserved
        self._reserved[self.rows : end] = piece
        self.rows = end

    @property
    def values(self) -> NDArray[Any]:
        """What has been appended, which may be changed in place."""
        return self._reserved[: self.rows]

    def keep(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> None:
        self._reserved = self.values[rows]
        self.rows = len(self._reserved)


@dataclass(slots=True)
class TableBuilder:
    """Columns that grow; where a piece does not give one, it holds nothing."""

    _columns: dict[str, GrowingColumn] = field(
        default_factory=lambda: (
            {name: GrowingColumn(np.int64) for name in INT64_COLUMNS}
            | {name: GrowingColumn(np.int32) for name in (*INT32_COLUMNS, *TEXT_COLUMNS)}
        )
    )
    _names: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in TEXT_COLUMNS})

    def add(self, numbers: Mapping[str, NDArray[Any]], texts: Mapping[str, tuple[Int32s, Sequence[str]]]) -> None:
        """Append records: ``numbers`` by column, ``texts`` as codes into names of their own."""
        nothing = np.full(len(next(iter(numbers.values()))), MISSING, np.int32)
        for name in (*INT64_COLUMNS, *INT32_COLUMNS):
            self._columns[name].append(numbers.get(name, nothing))
        for name in TEXT_COLUMNS:
            code, names = texts.get(name, (nothing, ()))
            known = self._names[name]
            renamed = np.array([*(known.setdefault(one, len(known)) for one in names), MISSING], np.int32)
            self._columns[name].append(renamed[code])

    @property
    def rows(self) -> int:
        return self._columns["line"].rows

    def column(self, name: str) -> NDArray[Any]:
        """A whole column, which may be changed in place."""
        return self._columns[name].values

    def keep(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> None:
        """Keep some records, by mask or in the order of their numbers; a column at a time, for the sake of memory."""
        for column in self._columns.values():
            column.keep(rows)

    def table(
        self, *, source: Path, header: tuple[str, ...], zero: datetime.datetime | None, found: FoundLines
    ) -> JobTable:
        """All records in queue order; the builder is empty afterwards."""
        submit_s = self.column("submit_s")
        earlier = np.flatnonzero(np.diff(submit_s) < 0) + 1
        out_of_order = Finding(len(earlier), int(self.column("line")[earlier[0]])) if len(earlier) else None
        if out_of_order:
            self.keep(np.argsort(submit_s, kind="stable"))
        columns: dict[str, Any] = {name: self.column(name) for name in (*INT64_COLUMNS, *INT32_COLUMNS)}
        columns |= {name: Labels(self.column(name), tuple(self._names[name])) for name in TEXT_COLUMNS}
        self._columns.clear()
        return JobTable(
            **columns,
            source=source,
            header=header,
            zero=zero,
            dropped=found.dropped,
            remarks=found.remarks,
            out_of_order=out_of_order,
        )


def _count(findings: dict[Any, Finding], reason: str, lines: NDArray[np.int64]) -> None:
    if len(lines):
        before = findings.get(reason, Finding(0, int(lines.min())))
        findings[reason] = Finding(before.jobs + len(lines), before.first_line)
