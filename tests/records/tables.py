"""Small tables of jobs for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from stellwerk.records import JOB_STATES, MISSING, JobTable, Labels

TEXTS = ("user", "account", "partition", "qos", "state")
COUNTS = tuple(field.name for field in fields(JobTable) if field.name.startswith(("requested_", "allocated_")))
TIMES = ("submit_s", "eligible_s", "wait_s", "run_s", "requested_s", "memory_bytes")
ABOUT_THE_LOG = ("header", "dropped", "remarks", "out_of_order")


def job_table(**columns: Any) -> JobTable:
    """A table of the columns given, at least one, in queue order; the others hold nothing. Jobs are numbered from 1
    and stand from line 11 on. A column of texts takes words, None where the log says nothing."""
    given = {name: columns.pop(name) for name in list(columns) if not isinstance(columns[name], str | Path | None)}
    jobs = len(
        next(value for name, value in given.items() if name not in ("header", "dropped", "remarks", "out_of_order"))
    )
    numbers = {name: np.full(jobs, MISSING, np.int64) for name in TIMES}
    numbers |= {name: np.full(jobs, MISSING, np.int32) for name in COUNTS if name != "requested_s"}
    numbers |= {"job_id": np.arange(1, jobs + 1), "line": np.arange(11, jobs + 11)}
    for name in numbers:
        if name in given:
            numbers[name] = np.array(given.pop(name)).astype(numbers[name].dtype)
    texts = {name: labels(given.pop(name, [None] * jobs), name == "state") for name in TEXTS}
    rest: dict[str, Any] = {"source": Path("excerpt.swf"), "header": (), "zero": None, "dropped": {}, "remarks": {}}
    return JobTable(**numbers, **texts, **(rest | {"out_of_order": None} | given | columns))


def labels(words: Sequence[str | None], is_state: bool = False) -> Labels:
    names = JOB_STATES if is_state else tuple(sorted({word for word in words if word is not None}))
    return Labels(np.array([MISSING if word is None else names.index(word) for word in words], np.int32), names)


def words(column: Labels) -> list[str | None]:
    """What a column of texts holds, row by row."""
    return [column.names[code] if code != MISSING else None for code in column.code.tolist()]
