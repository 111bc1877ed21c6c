"""Times at which nodes are kept from jobs: maintenance and reservations, once or again and again."""

from __future__ import annotations

from stellwerk.simulation.compiled import inner
from stellwerk.simulation.nodes.tables import NEVER_S, Table


@inner
def window_end_s(window: Table, start_s: int, end_s: int) -> int:
    """The end of the first occurrence that meets ``start_s`` up to ``end_s``; -1 if none does."""
    if end_s <= window.start_s:
        return -1
    begins_s = window.start_s
    if window.every_s > 0 and start_s >= begins_s:
        begins_s += (start_s - begins_s) // window.every_s * window.every_s
    if begins_s + window.duration_s <= start_s:
        if window.every_s == 0:
            return -1
        begins_s += window.every_s
    return begins_s + window.duration_s if begins_s < end_s else -1


@inner
def closed_windows(windows: Table, member: int, start_s: int, end_s: int) -> int:
    """A bit for each window that keeps a job out that would hold its nodes from ``start_s`` to ``end_s``."""
    closed = 0
    for number in range(len(windows)):
        bit = 1 << number
        if member & bit == 0 and window_end_s(windows[number], start_s, end_s) >= 0:
            closed |= bit
    return closed


@inner
def next_opening_s(windows: Table, now: int) -> int:
    """The next time after ``now`` at which an occurrence ends."""
    soonest_s = NEVER_S
    for number in range(len(windows)):
        window = windows[number]
        ends_s = window.start_s + window.duration_s
        if ends_s <= now:
            if window.every_s == 0:
                continue
            ends_s += ((now - ends_s) // window.every_s + 1) * window.every_s
        soonest_s = min(soonest_s, ends_s)
    return soonest_s
