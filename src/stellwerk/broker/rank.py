"""The order of the answer."""

from __future__ import annotations

from collections.abc import Iterable

from stellwerk.broker.model import Completeness, Cost, JudgedOffer, Verdict

_VERDICT_ORDER: dict[Verdict, int] = {"possible": 0, "unknown": 1, "impossible": 2}
_COMPLETENESS_ORDER: dict[Completeness, int] = {"complete": 0, "partial": 1, "unknown": 2}


def rank(offers: Iterable[JudgedOffer]) -> list[JudgedOffer]:
    """Possible before unknown before impossible offers; within a verdict answers whose cost and finish are known in
    full before partial ones, then those with fewer open questions, then the cheaper ones (free of charge, in the
    currency of the match, in others, unknown), then those whose finish has fewer unknown parts, then the earlier ones.
    """
    return sorted(offers, key=_key)


def _key(judged: JudgedOffer) -> tuple[int, int, int, tuple[int, str, float], int, float, str]:
    return (
        _VERDICT_ORDER[judged.verdict],
        _COMPLETENESS_ORDER[judged.completeness],
        judged.open_questions,
        _cost_order(judged.cost),
        len(judged.finish.unknown) if judged.finish else 0,
        judged.finish.known_s.best if judged.finish else float("inf"),
        judged.offer.id,
    )


def _cost_order(cost: Cost | None) -> tuple[int, str, float]:
    """Amounts in currencies without an exchange rate are never compared with each other."""
    if cost is None:
        return (3, "", 0.0)
    if cost.amount.high == 0:
        return (0, "", 0.0)
    if cost.converted is not None:
        return (1, "", cost.converted.best)
    return (2, cost.currency, cost.amount.best)
