"""What the measurements share: repeated timing, and a row of the report."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

ROUNDS = 7


def median_s(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """The median time of seven calls after a first one that warms up.

    ``time.process_time`` as clock counts the seconds of one core, which others on the machine do not lengthen; it
    knows nothing of other processes and of waiting.
    """
    call()
    durations = []
    for _ in range(ROUNDS):
        started = clock()
        call()
        durations.append(clock() - started)
    return statistics.median(durations)


def row(
    name: str, value: float, unit: str, *, limit: float | None = None, peer: float | None = None
) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "limit": limit, "peer": peer}
