"""How many jobs wait, and how much of the machine is in use, over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BINS_AT_MOST = 150
_HOUR_S, _DAY_S = 3_600, 86_400
_BIN_WIDTHS_S = (
    60,
    600,
    *(hours * _HOUR_S for hours in (1, 3, 6, 12)),
    *(days * _DAY_S for days in (1, 2, 7, 30, 365)),
)


@dataclass(frozen=True, slots=True, eq=False)
class OverTime:
    """Means over each stretch from ``edges_s[i]`` to ``edges_s[i + 1]``; the edges are one more than the means."""

    edges_s: NDArray[np.int64]
    mean: NDArray[np.float64]


def time_edges(first_s: int, last_s: int) -> NDArray[np.int64]:
    """Borders of at most about 150 equal stretches from ``first_s`` to at least ``last_s``: minutes, hours or days."""
    span_s = max(last_s - first_s, 1)
    width_s = next((width for width in _BIN_WIDTHS_S if span_s <= width * _BINS_AT_MOST), -(-span_s // _BINS_AT_MOST))
    return first_s + width_s * np.arange(-(-span_s // width_s) + 1, dtype=np.int64)


def mean_over_time(
    from_s: NDArray[Any], to_s: NDArray[Any], edges_s: NDArray[np.int64], weight: NDArray[Any] | None = None
) -> OverTime:
    """How many intervals [from, to) are open at a time, as a mean over each stretch between the edges.

    From submit to start: the length of the queue. From start to end with ``weight`` the processors of each job: how
    many are in use. The means come from the whole course, not from samples.
    """
    integral = _integral(from_s, edges_s, weight) - _integral(to_s, edges_s, weight)
    return OverTime(edges_s, np.maximum(np.diff(integral) / np.diff(edges_s), 0.0))


def _integral(at_s: NDArray[Any], edges_s: NDArray[np.int64], weight: NDArray[Any] | None) -> NDArray[np.float64]:
    """For each edge the sum over all events before it of their weight times the time since."""
    order = np.argsort(at_s, kind="stable")
    # Times count from the first edge, so that sums of products stay exact in float64.
    time_s = (at_s[order] - edges_s[0]).astype(np.float64)
    weights = np.ones(len(order)) if weight is None else weight[order].astype(np.float64)
    summed = np.concatenate(([0.0], np.cumsum(weights)))
    moments = np.concatenate(([0.0], np.cumsum(weights * time_s)))
    before = np.searchsorted(at_s[order], edges_s)
    integral: NDArray[np.float64] = summed[before] * (edges_s - edges_s[0]) - moments[before]
    return integral
