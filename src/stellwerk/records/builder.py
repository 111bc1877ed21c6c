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
class TableBuilder:
    """Columns that grow in place; one that records do not give holds nothing there."""

    _columns: dict[str, NDArray[Any]] = field(
        default_factory=lambda: {
            **{name: np.empty(0, np.int64) for name in INT64_COLUMNS},
            **{name: np.empty(0, np.int32) for name in (*INT32_COLUMNS, *TEXT_COLUMNS)},
        }
    )
    _names: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in TEXT_COLUMNS})

    def add(self, numbers: Mapping[str, NDArray[Any]], texts: Mapping[str, tuple[Int32s, Sequence[str]]]) -> None:
        """Append records: ``numbers`` by column, ``texts`` as codes into names of their own."""
        before = self.rows
        rows = len(next(iter(numbers.values())))
        given = dict(numbers)
        for name, (code, names) in texts.items():
            known = self._names[name]
            renamed = np.array([*(known.setdefault(one, len(known)) for one in names), MISSING], np.int32)
            given[name] = renamed[code]
        for name, column in self._columns.items():
            # The system moves the pages of a large array instead of copying it; pieces joined at the end would stand
            # beside the whole, and what they leave would not go back to the system.
            column.resize(before + rows, refcheck=False)
            column[before:] = given.get(name, MISSING)

    @property
    def rows(self) -> int:
        return len(self._columns["line"])

    def column(self, name: str) -> NDArray[Any]:
        """A whole column, which may be changed in place until records are added."""
        return self._columns[name]

    def keep(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> None:
        """Keep some records, by mask or in the order of their numbers; a column at a time, for the sake of memory."""
        for name in self._columns:
            self._columns[name] = self._columns[name][rows]

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
