"""Small logs as plain rows, the kernels under one name each, and the textbook's answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from stellwerk.simulation.pooled import conservative_starts_s, easy_starts_s, replanned_starts_s
from tests.simulation.textbook import Job, textbook_starts

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Row(NamedTuple):
    submit_s: int
    run_s: int
    limit_s: int
    processors: int


class Case(NamedTuple):
    policy: str
    order: str
    starts_s: Callable[[Columns, int], np.ndarray]


CASES = (
    Case("fcfs", "ends_first", lambda columns, machine: easy_starts_s(*columns, machine, False, False)),
    Case("fcfs", "arrivals_first", lambda columns, machine: easy_starts_s(*columns, machine, False, True)),
    Case("easy", "ends_first", lambda columns, machine: easy_starts_s(*columns, machine, True, False)),
    Case("easy", "arrivals_first", lambda columns, machine: easy_starts_s(*columns, machine, True, True)),
    Case("conservative", "arrivals_first", lambda columns, machine: conservative_starts_s(*columns, machine, False)),
    Case("conservative", "ends_first", lambda columns, machine: conservative_starts_s(*columns, machine, True)),
    Case("conservative_replan", "ends_first", lambda columns, machine: replanned_starts_s(*columns, machine)),
)


def rows(machine: int, *, most: int = 25) -> st.SearchStrategy[list[Row]]:
    """Logs in queue order: few distinct times and sizes, so that ends, arrivals and shadows often coincide, and at
    times limits so long that many seconds share a bucket."""
    return st.builds(
        lambda drawn, scale: sorted((_row(*one, scale) for one in drawn), key=lambda row: row.submit_s),
        st.lists(
            st.tuples(st.integers(0, 12), st.integers(1, 9), st.integers(0, 9), st.integers(1, machine)),
            min_size=1,
            max_size=most,
        ),
        st.sampled_from((1, 1, 500, 10**6)),
    )


def columns(rows: list[Row]) -> Columns:
    submit_s, run_s, limit_s, processors = np.array(rows, np.int64).T.copy()
    return submit_s, run_s, limit_s, processors


def textbook(rows: list[Row], machine: int, case: Case) -> list[int]:
    jobs = [Job(number, *row) for number, row in enumerate(rows)]
    return textbook_starts(jobs, machine, case.policy, case.order)


def _row(submit: int, run: int, spare: int, processors: int, scale: int) -> Row:
    return Row(submit * scale, run * scale, (run + spare) * scale, processors)
