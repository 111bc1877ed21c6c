"""What the measurements share: repeated timing, and a row of the report."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

ROUNDS = 7


def median_s(call: Callable[[], object]) -> float:
    """The median time of seven calls after a first one that warms up."""
    call()
    durations = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        durations.append(time.perf_counter() - started)
    return statistics.median(durations)


def row(
    name: str, value: float, unit: str, *, limit: float | None = None, peer: float | None = None
) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "limit": limit, "peer": peer}
