"""Percentiles of many groups at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.measures.usage.model import Quantiles

_SHARES = np.array([0.5, 0.9, 0.99])


def quantiles_by(values: NDArray[np.int64], group: NDArray[np.int64], groups: int) -> list[Quantiles]:
    """The quantiles of each group's values, as ``numpy.percentile`` has them. ``values`` are in ascending order."""
    # numpy sorts whole numbers of 16 bits many times faster than wider ones.
    ordered = values[np.argsort(group.astype(np.uint16) if groups <= 2**16 else group, kind="stable")]
    jobs = np.bincount(group, minlength=groups)
    first = np.cumsum(jobs) - jobs
    found: list[Quantiles] = []
    for start, count in zip(first.tolist(), jobs.tolist(), strict=True):
        if count == 0:
            found.append(Quantiles(0, None, None, None))
            continue
        place = _SHARES * (count - 1)
        below = place.astype(np.int64)
        above = np.minimum(below + 1, count - 1)
        low, high = ordered[start + below], ordered[start + above]
        found.append(Quantiles(count, *(low + (high - low) * (place - below)).tolist()))
    return found
