"""What the fields of an application draft are made of, and what they are written from."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.catalog import Programme, Software, System
from stellwerk.charts import format_number, format_significant
from stellwerk.messages import Reason, Words, count_text
from stellwerk.planner import Plan, ServingPlan
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Interval
from stellwerk.workload import Workload

MB, GB, TB, TERA = 1e6, 1e9, 1e12, 1e12
Values = dict[str, str | int | float | Words]
"""What a sentence names."""
_HOURS_UP_TO_S = 2 * SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class Note:
    """For the applicant, and no part of the application."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Open:
    """What the applicant has to add, in a few words."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` are keys of the section ``draft_column`` of the texts; every row has a cell for each."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Words, ...], ...]


Part = Reason | Note | Open | Table
"""Of a field, in the order in which it is read; a Reason is a sentence of the application itself."""


@dataclass(frozen=True, slots=True)
class DraftGround:
    """What a draft is written from.

    ``system`` is None where no source names one for the programme; then, and where nothing could be planned on it,
    ``plan`` is None. ``scaling`` has the fastest plans for the sizes around it, fewest devices first.
    """

    workload: Workload
    programme: Programme
    system: System | None
    plan: Plan | ServingPlan | None
    software: Software | None
    scaling: tuple[Plan, ...]

    @property
    def gpus_per_device(self) -> float:
        """Programmes count GPUs as they are sold; a scheduler may see two devices in one (MI250X)."""
        if self.system is None or self.plan is None:
            return 1.0
        per_node = self.plan.machine.devices_per_node
        return (self.system.accelerators_per_node.value or per_node) / per_node


def figures(number: float) -> Words:
    """Three significant figures, which is what a prediction deserves: ``74,300``, ``0.0457``."""
    rounded = float(f"{number:.3g}")
    return Words(format_significant(rounded, "en"), format_significant(rounded, "de"))


def bounds(interval: Interval) -> Values:
    """The values ``best``, ``low`` and ``high`` of a sentence."""
    return {name: figures(value) for name, value in interval.as_dict().items()}


def estimate(interval: Interval) -> Words:
    """``74,300 (57,600 to 165,000)``; an exact value has no bounds."""
    best, low, high = figures(interval.best), figures(interval.low), figures(interval.high)
    if interval.low == interval.high:
        return best
    return Words(f"{best.en} ({low.en} to {high.en})", f"{best.de} ({low.de} bis {high.de})")


def whole(number: float) -> Words:
    """A number with all its digits: ``1,536``."""
    decimals = 0 if number == int(number) else 1
    return Words(format_number(number, "en", decimals), format_number(number, "de", decimals))


def tenths(number: float) -> Words:
    return Words(format_number(number, "en", 1), format_number(number, "de", 1))


def power_of_ten(number: float) -> Words:
    """``4.67·10^22``"""
    mantissa, exponent = f"{number:.2e}".split("e")
    shown = f"{mantissa}·10^{int(exponent)}"
    return Words(shown, shown.replace(".", ","))


def count(number: float) -> Words:
    return Words(count_text(number, "en"), count_text(number, "de"))


def size(size_bytes: float) -> Words:
    """Bytes in MB, GB or TB."""
    divisor, unit = next((one for one in ((TB, "TB"), (GB, "GB")) if size_bytes >= one[0]), (MB, "MB"))
    number = figures(size_bytes / divisor)
    return Words(f"{number.en} {unit}", f"{number.de} {unit}")


def spans(duration_s: Interval) -> Values:
    """The values ``best``, ``low``, ``high`` and ``unit`` of a sentence: hours, from two days on days."""
    if duration_s.best < _HOURS_UP_TO_S:
        return {**bounds(duration_s * (1 / SECONDS_PER_HOUR)), "unit": Words("hours", "Stunden")}
    return {**bounds(duration_s * (1 / SECONDS_PER_DAY)), "unit": Words("days", "Tage")}
