"""Job size against run time: where the waiting is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stellwerk.measures.groups import Ints, size_class, sizes_of_class
from stellwerk.records import MISSING

RUN_TIME_BOUNDS_S = (60, 600, 3_600, 21_600, 86_400)
"""The longest run time of each column but the last: 1 min, 10 min, 1 h, 6 h, 1 d."""


@dataclass(frozen=True, slots=True, eq=False)
class SizeMap:
    """Jobs and their median wait by class of sizes (rows) and of run times (columns).

    ``sizes`` are the smallest and largest size of each row. ``median_wait_s`` is not a number where ``jobs`` is 0.
    """

    sizes: tuple[tuple[int, int], ...]
    jobs: NDArray[np.int64]
    median_wait_s: NDArray[np.float64]


def size_map(*, wait_s: Ints, run_s: Ints, units: Ints) -> SizeMap:
    """The map of the jobs whose wait, run time and size are known; rows from the smallest to the largest class that
    has a job."""
    known = (wait_s != MISSING) & (run_s != MISSING) & (units > 0)
    wait_s, run_s, row = wait_s[known], run_s[known], size_class(units[known])
    column = np.searchsorted(RUN_TIME_BOUNDS_S, run_s)
    first = int(row.min(initial=2**62)) if len(row) else 0
    rows, columns = (int(row.max()) - first + 1 if len(row) else 0), len(RUN_TIME_BOUNDS_S) + 1
    cell = (row - first) * columns + column
    by_wait = np.argsort(wait_s)
    order = by_wait[np.argsort(cell[by_wait].astype(np.int16), kind="stable")]  # 16 bits are sorted by counting
    jobs = np.bincount(cell, minlength=rows * columns)
    end = np.cumsum(jobs)
    median = np.full(rows * columns, np.nan)
    filled = np.flatnonzero(jobs)
    lower, upper = (end - jobs + (jobs - 1) // 2)[filled], (end - jobs + jobs // 2)[filled]
    median[filled] = (wait_s[order][lower] + wait_s[order][upper]) / 2
    return SizeMap(
        tuple(sizes_of_class(first + number) for number in range(rows)),
        jobs.reshape(rows, columns),
        median.reshape(rows, columns),
    )
