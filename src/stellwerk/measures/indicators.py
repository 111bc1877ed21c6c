"""What a schedule means for those who wait and for those who run the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stellwerk.measures.groups import bounded_slowdown
from stellwerk.simulation import Schedule
from stellwerk.units import SECONDS_PER_HOUR

Unit = Literal["accelerators", "nodes", "processors"]
"""What the sizes of jobs and of a machine count."""


@dataclass(frozen=True, slots=True)
class Indicators:
    """Means and percentiles are over jobs; a wait lasts from submission to the first start.

    ``bounded_slowdown``: mean of ``max(1, (wait + run) / max(run, 10 s))`` (Feitelson, JSSPP 2001).
    ``makespan_s``: first submit to last end. ``utilisation``: unit-seconds held, over all units of the machine
    during the makespan. ``lost_unit_hours``: those whose work was lost. ``unsatisfiable``: jobs that were not run to
    their end, and count in nothing else.
    """

    jobs: int
    mean_wait_s: float
    median_wait_s: float
    p90_wait_s: float
    p99_wait_s: float
    bounded_slowdown: float
    utilisation: float
    makespan_s: int
    restarts: int
    lost_unit_hours: float
    unsatisfiable: int


def indicators(schedule: Schedule, *, processors: int, unit: Unit = "processors") -> Indicators:
    """The indicators of a schedule of at least one job on a machine that has ``processors`` of what ``unit`` says."""
    wait_s, run_s = schedule.wait_s, held_s(schedule)
    units = held_units(schedule, unit).astype(np.float64)
    makespan_s = int(schedule.end_s.max() - schedule.submit_s.min())
    median, p90, p99 = (float(value) for value in np.percentile(wait_s, (50, 90, 99)))
    return Indicators(
        jobs=len(schedule),
        mean_wait_s=float(wait_s.mean()),
        median_wait_s=median,
        p90_wait_s=p90,
        p99_wait_s=p99,
        bounded_slowdown=float(bounded_slowdown(wait_s, run_s).mean()),
        utilisation=float(run_s @ units) / (processors * makespan_s),
        makespan_s=makespan_s,
        restarts=int(schedule.restarts.sum()),
        lost_unit_hours=float(schedule.lost_s @ units) / SECONDS_PER_HOUR,
        unsatisfiable=len(schedule.unsatisfiable),
    )


def held_s(schedule: Schedule) -> NDArray[np.int64]:
    """How long each job ran in all: less than from its first start to its last end where it was stopped."""
    executions = schedule.executions
    if executions is None:
        return schedule.run_s
    ran_s = (executions.end_s - executions.start_s).astype(np.float64)
    return np.bincount(executions.job, weights=ran_s, minlength=len(schedule)).astype(np.int64)


def held_units(schedule: Schedule, unit: Unit) -> NDArray[np.int64]:
    """How many accelerators, nodes or processors each job held; 0 where the schedule does not say."""
    columns = {"accelerators": schedule.accelerators, "nodes": schedule.nodes, "processors": schedule.processors}
    return np.maximum(columns[unit], 0)
