"""Numbers and dates as they are written in German and in English."""

from __future__ import annotations

import datetime
import math
from decimal import ROUND_HALF_EVEN, Decimal

from stellwerk.charts.words import Language, word
from stellwerk.units import Interval

_TO_GERMAN = str.maketrans(",.", ".,")


def format_number(value: float | Decimal, language: Language, decimals: int = 0) -> str:
    """A number with a fixed count of decimals: 1234.5 → ``1.234,5`` in German, ``1,234.5`` in English.

    A half is rounded to the even neighbour. A negative number carries a true minus sign.
    """
    rounded = Decimal(repr(value) if isinstance(value, float) else value).quantize(
        Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN
    )
    shown = f"{rounded:,f}".replace("-", "−" if rounded else "")
    return shown.translate(_TO_GERMAN) if language == "de" else shown


def format_significant(value: float | Decimal, language: Language, figures: int = 3) -> str:
    """A number rounded to ``figures`` significant figures; whole digits are never rounded away.

    0.04567 → ``0.0457``, 12.3456 → ``12.3``, 1234.5 → ``1,234``; zeros after the decimal sign are dropped. A bound that
    is not known to end is ``∞``.
    """
    number = float(value)
    if math.isinf(number):
        return "∞"
    if number == 0:
        return "0"
    decimals = max(0, figures - 1 - math.floor(math.log10(abs(number))))
    shown = format_number(value, language, decimals)
    mark = "," if language == "de" else "."
    return shown.rstrip("0").rstrip(mark) if decimals else shown


def format_interval(interval: Interval, language: Language, figures: int = 3) -> str:
    """``12.3 (10.1–15)``: the best estimate with its bounds; one number where all three are equal."""
    best = format_significant(interval.best, language, figures)
    if interval.low == interval.high:
        return best
    low, high = (format_significant(bound, language, figures) for bound in (interval.low, interval.high))
    return f"{best} ({low}–{high})"


def format_date(day: datetime.date, language: Language) -> str:
    """``23. November 2026`` in German, ``23 November 2026`` in English."""
    month = word("months", language).split()[day.month - 1]
    return f"{day.day}. {month} {day.year}" if language == "de" else f"{day.day} {month} {day.year}"
