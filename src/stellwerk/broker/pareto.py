"""The front of time against cost: offers that no other beats in both."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from stellwerk.broker.model import JudgedOffer, PartName, Verdict

_RANK: dict[Verdict, int] = {"possible": 0, "unknown": 1}


def pareto_front(offers: Sequence[JudgedOffer]) -> frozenset[str]:
    """The ids of the offers that are not ruled out, whose cost is known in the currency of the match, and that no other
    beats.

    One beats another if it is no later and no dearer, better in one of the two, and nothing speaks against the
    comparison: its verdict is as good, and of its time nothing is unknown that is known of the other.
    """
    groups: dict[tuple[int, frozenset[PartName]], list[tuple[float, float, str]]] = {}
    for one in offers:
        if one.verdict in _RANK and one.finish is not None and one.cost is not None and one.cost.converted is not None:
            point = (one.finish.known_s.best, one.cost.converted.best, one.offer.id)
            groups.setdefault((_RANK[one.verdict], frozenset(one.finish.unknown)), []).append(point)
    stairs = {key: _Stairs(points) for key, points in groups.items()}
    return frozenset(
        name
        for (verdict, unknown), points in groups.items()
        for time, cost, name in points
        if not any(
            other.beats(time, cost)
            for (other_verdict, other_unknown), other in stairs.items()
            if other_verdict <= verdict and other_unknown <= unknown
        )
    )


class _Stairs:
    """For every time the least cost of the points up to it."""

    def __init__(self, points: Sequence[tuple[float, float, str]]) -> None:
        self._times: list[float] = []
        self._costs: list[float] = []
        for time, cost, _ in sorted(points):
            if not self._costs or cost < self._costs[-1]:
                self._times.append(time)
                self._costs.append(cost)

    def beats(self, time: float, cost: float) -> bool:
        """Whether a point is no later and no dearer, and better in one of the two."""
        last = bisect.bisect_right(self._times, time) - 1
        if last < 0:
            return False
        earlier = self._times[last] < time
        return self._costs[last] < cost or (earlier and self._costs[last] == cost)
