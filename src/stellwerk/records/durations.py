"""Waits and run times from a log's instants."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.records.model import MISSING, Int64s


class Durations(NamedTuple):
    """Waits and run times in seconds, and in which rows the instants run backwards."""

    wait_s: Int64s
    run_s: Int64s
    backwards: NDArray[np.bool_]


def durations(submit_s: Int64s, start_s: Int64s, end_s: Int64s, wait_s: Int64s, run_s: Int64s) -> Durations:
    """What the log gives and, where that is ``MISSING``, differences of its instants."""
    by_wait = (start_s == MISSING) & (submit_s != MISSING) & (wait_s != MISSING)
    start_s = np.where(by_wait, submit_s + wait_s, start_s)
    early_start = (submit_s != MISSING) & (start_s != MISSING) & (start_s < submit_s)
    early_end = (start_s != MISSING) & (end_s != MISSING) & (end_s < start_s)
    return Durations(_filled(wait_s, submit_s, start_s), _filled(run_s, start_s, end_s), early_start | early_end)


def _filled(given_s: Int64s, first_s: Int64s, last_s: Int64s) -> Int64s:
    known = (given_s == MISSING) & (first_s != MISSING) & (last_s != MISSING)
    return np.where(known, last_s - first_s, given_s)
