"""What became of a log's jobs in the replays of one scenario: the whole, by size, by group and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.measures.groups import (
    GroupIndicators,
    Ints,
    SizeClass,
    indicators_by_group,
    indicators_by_size,
    size_class,
    sizes_of_class,
)
from stellwerk.measures.indicators import Indicators
from stellwerk.measures.over_time import OverTime, mean_over_time, time_edges
from stellwerk.measures.size_map import SizeMap, size_map

_CURVE_POINTS = 240
_LONGEST_WAIT_S = 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """The jobs of one replay, one element per job: when they were submitted, first started and last ended, how long
    they ran (all in seconds), how many units (accelerators, nodes or processors) they held and which user group they
    belong to (index of its name)."""

    submit_s: NDArray[np.int64]
    start_s: NDArray[np.int64]
    run_s: NDArray[np.int64]
    end_s: NDArray[np.int64]
    units: Ints
    group: Ints
    whole: Indicators


@dataclass(frozen=True, slots=True, eq=False)
class WaitCurve:
    """The share of jobs of ``smallest`` to ``largest`` units that wait at most ``wait_s[i]`` is ``share[i]``."""

    smallest: int
    largest: int
    jobs: int
    wait_s: NDArray[np.float64]
    share: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One scenario over its seeds.

    ``whole``, ``by_size`` and ``by_group`` hold one entry per seed; curves and map pool the jobs of all seeds, the
    queue is their mean. ``unit`` says what sizes count: accelerators, nodes or processors.
    """

    changes: tuple[str, ...]
    unit: str
    capacity: int
    seeds: tuple[int, ...]
    whole: tuple[Indicators, ...]
    by_size: tuple[tuple[SizeClass, ...], ...]
    by_group: tuple[tuple[GroupIndicators, ...], ...]
    wait_curves: tuple[WaitCurve, ...]
    queue: OverTime
    size_map: SizeMap


def outcome_of(
    replays: Sequence[Replay],
    groups: Sequence[str],
    *,
    changes: tuple[str, ...],
    seeds: tuple[int, ...],
    unit: str,
    capacity: int,
) -> Outcome:
    """Sum up the replays of one scenario, at least one; ``groups`` names the user groups."""
    wait_s = np.concatenate([replay.start_s - replay.submit_s for replay in replays])
    run_s = np.concatenate([replay.run_s for replay in replays])
    units = np.concatenate([replay.units for replay in replays])
    edges_s = time_edges(
        min(int(replay.submit_s.min()) for replay in replays), max(int(replay.end_s.max()) for replay in replays)
    )
    queues = [mean_over_time(replay.submit_s, replay.start_s, edges_s).mean for replay in replays]
    return Outcome(
        changes=changes,
        unit=unit,
        capacity=capacity,
        seeds=seeds,
        whole=tuple(replay.whole for replay in replays),
        by_size=tuple(indicators_by_size(**_columns(replay)) for replay in replays),
        by_group=tuple(indicators_by_group(replay.group, groups, **_columns(replay)) for replay in replays),
        wait_curves=_wait_curves(wait_s, units),
        queue=OverTime(edges_s, np.mean(queues, axis=0)),
        size_map=size_map(wait_s=wait_s, run_s=run_s, units=units),
    )


def _columns(replay: Replay) -> dict[str, Any]:
    return {
        "wait_s": replay.start_s - replay.submit_s,
        "run_s": replay.run_s,
        "units": replay.units,
    }


def _wait_curves(wait_s: NDArray[np.int64], units: Ints) -> tuple[WaitCurve, ...]:
    """One curve per class of sizes that has a job."""
    classes = size_class(units)
    return tuple(
        _wait_curve(np.sort(wait_s[classes == number]), *sizes_of_class(number))
        for number in np.unique(classes[classes >= 0]).tolist()
    )


def _wait_curve(sorted_wait_s: NDArray[np.int64], smallest: int, largest: int) -> WaitCurve:
    places = np.unique(np.geomspace(1, _LONGEST_WAIT_S, _CURVE_POINTS).round())
    places = np.concatenate(([0.0], places[places < sorted_wait_s[-1]], [float(sorted_wait_s[-1])]))
    places = np.unique(places)
    share = np.searchsorted(sorted_wait_s, places, side="right") / len(sorted_wait_s)
    return WaitCurve(smallest, largest, len(sorted_wait_s), places, share)
