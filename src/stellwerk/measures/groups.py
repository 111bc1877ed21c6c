"""Waits, slowdown and hours by group of jobs: by size, by user or account, by any column of codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.records import MISSING
from stellwerk.units import SECONDS_PER_HOUR

SLOWDOWN_THRESHOLD_S = 10

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class WaitSummary:
    """The waits of some jobs in seconds: mean and percentiles over jobs, None where there is no job."""

    jobs: int
    mean_s: float | None
    p10_s: float | None
    p50_s: float | None
    p90_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True)
class GroupIndicators:
    """What a group of jobs waited and used.

    ``wait`` and ``bounded_slowdown`` are over the jobs whose wait is known. ``unit_hours``: accelerator-hours where
    the jobs' sizes count accelerators, else processor-hours or node-hours.
    """

    name: str
    jobs: int
    wait: WaitSummary
    bounded_slowdown: float | None
    unit_hours: float


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Jobs of ``smallest`` to ``largest`` units (accelerators, nodes or processors): 1, 2, 3 to 4, 5 to 8, …"""

    smallest: int
    largest: int
    found: GroupIndicators


def bounded_slowdown(wait_s: NDArray[Any], run_s: NDArray[Any]) -> NDArray[np.float64]:
    """``max(1, (wait + run) / max(run, 10 s))`` of each job (Feitelson, JSSPP 2001)."""
    slowdown: NDArray[np.float64] = np.maximum((wait_s + run_s) / np.maximum(run_s, SLOWDOWN_THRESHOLD_S), 1.0)
    return slowdown


def summarise_waits(wait_s: NDArray[Any]) -> WaitSummary:
    """Mean and percentiles of waits in seconds; those that are ``MISSING`` are left out."""
    known = wait_s[wait_s != MISSING]
    if len(known) == 0:
        return WaitSummary(0, None, None, None, None, None)
    p10, p50, p90, p99 = (float(value) for value in np.percentile(known, (10, 50, 90, 99)))
    return WaitSummary(len(known), float(known.mean()), p10, p50, p90, p99)


def indicators_by_group(
    code: Ints, names: Sequence[str], *, wait_s: Ints, run_s: Ints, units: Ints
) -> tuple[GroupIndicators, ...]:
    """The indicators of each group that has a job, in the order of ``names``.

    All arrays hold one element per job: ``code`` the index of its group's name (``MISSING`` where it has none: the
    job is in no group), ``wait_s`` and ``run_s`` in seconds (``MISSING``: unknown), ``units`` how many accelerators
    (or processors) it held.
    """
    # numpy sorts 16-bit numbers by counting, ten times as fast as larger ones.
    sortable = code.astype(np.int16) if len(names) < 2**15 else code
    rows = np.argsort(sortable, kind="stable")
    bounds = np.searchsorted(code[rows], np.arange(len(names) + 1))
    wait_s, run_s, units = wait_s[rows], run_s[rows], units[rows]
    return tuple(
        _indicators(name, wait_s[start:end], run_s[start:end], units[start:end])
        for name, start, end in zip(names, bounds[:-1], bounds[1:], strict=True)
        if end > start
    )


def size_class(units: Ints) -> NDArray[np.int64]:
    """The class of each size: 0 for 1, 1 for 2, 2 for 3 to 4, k for more than ``2**(k - 1)`` up to ``2**k``.

    ``MISSING`` where a job has no size.
    """
    # frexp's exponent of a whole number is its number of binary digits.
    exponent = np.frexp(np.maximum(units, 1).astype(np.float64) - 1)[1].astype(np.int64)
    return np.where(units > 0, exponent, MISSING)


def sizes_of_class(number: int) -> tuple[int, int]:
    """The smallest and the largest size of a class that ``size_class`` numbers."""
    return (2 ** (number - 1) + 1 if number else 1), 2**number


def indicators_by_size(*, wait_s: Ints, run_s: Ints, units: Ints) -> tuple[SizeClass, ...]:
    """The indicators of each class of sizes that has a job, smallest first; arrays as in ``indicators_by_group``."""
    classes = size_class(units)
    numbers = range(int(classes.max(initial=MISSING)) + 1)
    ranges = {_range_name(*sizes_of_class(number)): sizes_of_class(number) for number in numbers}
    found = indicators_by_group(classes, list(ranges), wait_s=wait_s, run_s=run_s, units=units)
    return tuple(SizeClass(*ranges[group.name], group) for group in found)


def _range_name(smallest: int, largest: int) -> str:
    return str(largest) if smallest == largest else f"{smallest}–{largest}"


def _indicators(name: str, wait_s: Ints, run_s: Ints, units: Ints) -> GroupIndicators:
    ran = (run_s != MISSING) & (units > 0)
    waited = (wait_s != MISSING) & (run_s != MISSING)
    slowdown = bounded_slowdown(wait_s[waited], run_s[waited])
    return GroupIndicators(
        name=name,
        jobs=len(wait_s),
        wait=summarise_waits(wait_s),
        bounded_slowdown=float(slowdown.mean()) if len(slowdown) else None,
        unit_hours=float(run_s[ran].astype(np.float64) @ units[ran].astype(np.float64)) / SECONDS_PER_HOUR,
    )
