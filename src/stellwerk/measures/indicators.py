"""What a schedule means for those who wait and for those who run the machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stellwerk.measures.groups import bounded_slowdown
from stellwerk.simulation import Schedule


@dataclass(frozen=True, slots=True)
class Indicators:
    """Means and medians are over jobs.

    ``bounded_slowdown``: mean of ``max(1, (wait + run) / max(run, 10 s))`` (Feitelson, JSSPP 2001).
    ``makespan_s``: first submit to last end. ``utilisation``: processor-seconds used, over all processors
    during the makespan.
    """

    jobs: int
    mean_wait_s: float
    median_wait_s: float
    bounded_slowdown: float
    utilisation: float
    makespan_s: int


def indicators(schedule: Schedule, *, processors: int) -> Indicators:
    """The indicators of a schedule of at least one job on a machine of ``processors``."""
    wait_s, run_s = schedule.wait_s, schedule.run_s
    makespan_s = int(schedule.end_s.max() - schedule.submit_s.min())
    used_processor_s = float(run_s @ schedule.processors.astype(np.float64))
    return Indicators(
        jobs=len(schedule),
        mean_wait_s=float(wait_s.mean()),
        median_wait_s=float(np.median(wait_s)),
        bounded_slowdown=float(bounded_slowdown(wait_s, run_s).mean()),
        utilisation=used_processor_s / (processors * makespan_s),
        makespan_s=makespan_s,
    )
