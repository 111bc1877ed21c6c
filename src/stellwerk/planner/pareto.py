"""The layouts that no other beats."""

from __future__ import annotations

import numpy as np

from stellwerk.planner.grid import FloatArray, IntArray


def unbeaten(duration_s: FloatArray, devices: IntArray) -> IntArray:
    """Places of the layouts that none beats: none is as fast on as few devices, and better in one of the two.

    The arrays have shape (n,); of layouts that are equal in both, the first stands for all, and one that never ends is
    none. Fewest devices first. Device-hours, energy and cost grow with the duration and with the devices, so comparing
    them as well would neither add a layout nor take one away. O(n log n).
    """
    fastest_s = np.full(int(devices.max(initial=0)) + 1, np.inf)
    np.minimum.at(fastest_s, devices, duration_s)
    rows = np.flatnonzero(duration_s == fastest_s[devices])  # few, so that sorting them costs nothing
    order = rows[np.lexsort((rows, duration_s[rows], devices[rows]))]
    sorted_s = duration_s[order]
    fastest_before = np.minimum.accumulate(np.concatenate(([np.inf], sorted_s[:-1])))
    return order[sorted_s < fastest_before]
