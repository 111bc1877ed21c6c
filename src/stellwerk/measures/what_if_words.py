"""How scenarios, sizes and figures of a what-if are said in one language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stellwerk.charts import format_duration, format_number, format_significant
from stellwerk.measures.outcome import Outcome
from stellwerk.messages import Language, text

Cell = tuple[str, str]
"""A figure, and beneath it the smallest and the largest of all replays; empty where there is one replay."""


_LONGEST_NAME = 40


def name_of(outcome: Outcome, language: Language) -> str:
    """Its changes as they were written, or how many where that is too long for a heading; what is there without any."""
    name = ", ".join(outcome.changes)
    if len(name) > _LONGEST_NAME and len(outcome.changes) > 1:
        return text("what_if.all_changes", language, count=len(outcome.changes))
    return name or text("what_if.as_it_is", language)


def unit_name(unit: str, language: Language) -> str:
    return text(f"what_if.unit_{unit}", language)


def size_name(smallest: int, largest: int, language: Language) -> str:
    """``1``, ``3–4``, ``1,025–2,048``."""
    return "–".join(format_number(size, language) for size in sorted({smallest, largest}))


def counted_size(smallest: int, largest: int, unit: str, language: Language) -> str:
    """``1 node``, ``3–4 nodes``."""
    unit_of_one = text(f"what_if.unit_{unit}_one", language)
    name = unit_of_one if largest == 1 else unit_name(unit, language)
    return f"{size_name(smallest, largest, language)} {name}"


def across(values: Sequence[float | None], show: Callable[[float], str]) -> Cell:
    """The median of the replays' values with their range; a dash where no replay has one."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "–", ""
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
    low, high = show(known[0]), show(known[-1])
    return show(middle), "" if low == high else f"{low}–{high}"


def shown_duration(language: Language) -> Callable[[float], str]:
    return lambda value: format_duration(value, language, 3)


def shown_number(language: Language) -> Callable[[float], str]:
    return lambda value: format_significant(value, language, 3)


def shown_share(language: Language) -> Callable[[float], str]:
    return lambda value: f"{format_number(100 * value, language, 1)}{' %' if language == 'de' else '%'}"
