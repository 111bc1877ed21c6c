"""From columns as a log has them to the table in queue order."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.model import MISSING, DropReason, Finding, Int64s, JobTable, Labels
from stellwerk.records.swf import refuse_duplicates

NO_INSTANT = np.iinfo(np.int64).min
"""Where a log gives no instant: -1 is a second of 1969."""
COUNTS = (
    "requested_processors",
    "allocated_processors",
    "requested_nodes",
    "allocated_nodes",
    "requested_accelerators",
    "allocated_accelerators",
)
INSTANTS = ("submit_s", "eligible_s")
NUMBERS = ("job_id", "line", *INSTANTS, "wait_s", "run_s", "requested_s", "memory_bytes", *COUNTS)
"""The numeric columns of a job table."""


def waits_and_runs(
    submit_s: Int64s, start_s: Int64s, end_s: Int64s, wait_s: Int64s, run_s: Int64s
) -> tuple[Int64s, Int64s, NDArray[np.bool_]]:
    """Waits and run times, where the log gives none as differences of its instants; and where these run backwards."""
    by_wait = (start_s == NO_INSTANT) & (submit_s != NO_INSTANT) & (wait_s != MISSING)
    start_s = np.where(by_wait, submit_s + np.where(by_wait, wait_s, 0), start_s)
    wait_s, early_start = _filled(wait_s, submit_s, start_s)
    run_s, early_end = _filled(run_s, start_s, end_s)
    return wait_s, run_s, early_start | early_end


def in_queue_order(
    columns: MutableMapping[str, NDArray[Any]],
    labels: Mapping[str, Labels],
    *,
    dated: bool,
    source: Path,
    header: tuple[str, ...],
    dropped: Mapping[DropReason, Finding],
) -> JobTable:
    """The table of the columns ``NUMBERS``, sorted by submission.

    Instants count from 1970 where the log is ``dated``, and then from its first instant in the table; ``columns`` is
    changed, for ten million rows have no room to stand twice. Raises InputError for no row and for an id that stands
    twice.
    """
    if not len(columns["line"]):
        found = ", ".join(f"{finding.jobs} dropped: {reason}" for reason, finding in dropped.items())
        raise InputError("holds no usable job", file=source, value=found or "no row")
    refuse_duplicates(source, columns["job_id"], columns["line"])
    zero_s = _first_instant(columns) if dated else None
    for name in INSTANTS:
        columns[name] = np.where(columns[name] == NO_INSTANT, MISSING, columns[name] - (zero_s or 0))
    earlier = np.flatnonzero(np.diff(columns["submit_s"]) < 0) + 1
    out_of_order = Finding(len(earlier), int(columns["line"][earlier[0]])) if len(earlier) else None
    if out_of_order:
        queue_order = np.argsort(columns["submit_s"], kind="stable")
        for name in NUMBERS:
            columns[name] = columns[name][queue_order]
        labels = {name: column.take(queue_order) for name, column in labels.items()}
    numbers: dict[str, Any] = {name: columns[name] for name in NUMBERS}
    texts: dict[str, Any] = dict(labels)
    return JobTable(
        **numbers,
        **texts,
        source=source,
        header=header,
        zero=None if zero_s is None else datetime.datetime.fromtimestamp(zero_s, datetime.UTC),
        remarks={},
        dropped=dropped,
        out_of_order=out_of_order,
    )


def _filled(durations_s: Int64s, first_s: Int64s, last_s: Int64s) -> tuple[Int64s, NDArray[np.bool_]]:
    known = (durations_s == MISSING) & (first_s != NO_INSTANT) & (last_s != NO_INSTANT)
    between_s = np.where(known, last_s, 0) - np.where(known, first_s, 0)
    return np.where(known, between_s, durations_s), between_s < 0


def _first_instant(columns: Mapping[str, NDArray[Any]]) -> int | None:
    known = (columns[name][columns[name] != NO_INSTANT] for name in INSTANTS)
    return min((int(instants.min()) for instants in known if len(instants)), default=None)
