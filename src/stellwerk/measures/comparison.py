"""Two schedules of the same jobs, side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from stellwerk.errors import InputError
from stellwerk.measures.indicators import Indicators, indicators
from stellwerk.simulation import Schedule


@dataclass(frozen=True, slots=True)
class Comparison:
    """``before`` and ``after``, and how many jobs start at another time, or earlier, or later, in ``after``."""

    before: Indicators
    after: Indicators
    differing_starts: int
    earlier_starts: int
    later_starts: int

    @property
    def changes(self) -> dict[str, float]:
        """``after`` minus ``before``, by indicator."""
        before = asdict(self.before)
        return {name: value - before[name] for name, value in asdict(self.after).items() if name != "jobs"}


def compare(before: Schedule, after: Schedule, *, processors: int) -> Comparison:
    """Compare two schedules on a machine of ``processors``.

    Jobs are matched by their place in the schedule: cleaned copies of a log number them anew.
    Raises InputError unless both hold the same jobs (submit times and processors) in the same order.
    """
    if len(before) != len(after):
        raise InputError(f"the schedules hold {len(before)} and {len(after)} jobs")
    other = np.flatnonzero((before.submit_s != after.submit_s) | (before.processors != after.processors))
    if len(other):
        row = other[0]
        raise InputError(
            f"the schedules differ in their jobs: job {before.job_id[row]} of the one (row {row + 1}, submitted at"
            f" {before.submit_s[row]} s, {before.processors[row]} processors) stands where the other has job"
            f" {after.job_id[row]} ({after.submit_s[row]} s, {after.processors[row]} processors)"
        )
    shift_s = after.start_s - before.start_s
    return Comparison(
        before=indicators(before, processors=processors),
        after=indicators(after, processors=processors),
        differing_starts=int(np.count_nonzero(shift_s)),
        earlier_starts=int(np.count_nonzero(shift_s < 0)),
        later_starts=int(np.count_nonzero(shift_s > 0)),
    )
