"""Durations as people read them, and the ticks of an axis of durations."""

from __future__ import annotations

from stellwerk.charts.formats import format_significant
from stellwerk.charts.words import Language

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_DAY_S = 86_400
_TICKS_S = (
    *(0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 6 * 3_600),
    *(days * _DAY_S for days in (1, 7, 30, 100, 1_000, 10_000, 100_000, 1_000_000)),
)


def format_duration(duration_s: float, language: Language, figures: int = 2) -> str:
    """A duration (s, at least 0) in the largest unit that it fills: ``45 s``, ``1.5 min``, ``6 h``, ``12 d``."""
    for unit, seconds in _UNITS:
        if duration_s >= seconds:
            return f"{format_significant(duration_s / seconds, language, figures)} {unit}"
    return f"{format_significant(duration_s, language, figures)} s"


def duration_ticks(low_s: float, high_s: float) -> tuple[float, ...]:
    """The marks of a logarithmic axis of durations that encloses ``low_s`` to ``high_s`` (both > 0): 1 s, 10 s,
    1 min, 10 min, 1 h, 6 h, 1 d, 7 d, 30 d, then powers of ten of days."""
    first = max((place for place, tick in enumerate(_TICKS_S) if tick <= low_s), default=0)
    last = min((place for place, tick in enumerate(_TICKS_S) if tick >= high_s), default=len(_TICKS_S) - 1)
    if first >= last:
        first, last = (last - 1, last) if last else (0, 1)
    return tuple(_TICKS_S[first : last + 1])
