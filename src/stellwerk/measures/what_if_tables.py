"""The figures of a what-if, side by side, as the page and the terminal show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stellwerk.measures.groups import GroupIndicators
from stellwerk.measures.outcome import Outcome
from stellwerk.measures.what_if_words import (
    Cell,
    across,
    name_of,
    shown_duration,
    shown_number,
    shown_share,
    size_name,
    unit_name,
)
from stellwerk.messages import Language, text

GROUPS = 20
"""User groups that are listed: those that used the most."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a name and its cells; the first entry of the header stands above the names."""

    id: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    note: str = ""


def whole_table(outcomes: Sequence[Outcome], language: Language) -> Table:
    duration, number, share = shown_duration(language), shown_number(language), shown_share(language)
    unit = unit_name(outcomes[0].unit, language)
    rows: dict[str, tuple[str, Callable[[float], str]]] = {
        "mean_wait": ("mean_wait_s", duration),
        "median_wait": ("median_wait_s", duration),
        "p90_wait": ("p90_wait_s", duration),
        "p99_wait": ("p99_wait_s", duration),
        "bounded_slowdown": ("bounded_slowdown", number),
        "utilisation": ("utilisation", share),
        "restarts": ("restarts", number),
        "lost_hours": ("lost_unit_hours", number),
    }
    shown = [
        (
            text(f"what_if.{key}", language, unit=unit),
            tuple(across([getattr(whole, name) for whole in outcome.whole], show) for outcome in outcomes),
        )
        for key, (name, show) in rows.items()
        if key not in ("restarts", "lost_hours") or any(whole.restarts for one in outcomes for whole in one.whole)
    ]
    sizes = tuple((f"{number(outcome.capacity)} {unit}", "") for outcome in outcomes)
    return Table(
        "whole",
        text("what_if.whole_caption", language),
        ("", *(name_of(outcome, language) for outcome in outcomes)),
        ((text("what_if.machine", language), sizes), *shown),
    )


def size_table(outcomes: Sequence[Outcome], language: Language) -> Table:
    sizes = sorted({(one.smallest, one.largest) for outcome in outcomes for seed in outcome.by_size for one in seed})
    found = [
        [{(one.smallest, one.largest): one.found for one in seed} for seed in outcome.by_size] for outcome in outcomes
    ]
    rows = tuple(
        (
            size_name(*size, language),
            _cells([[seed.get(size) for seed in one] for one in found], language),
        )
        for size in sizes
    )
    return Table("by-size", text("what_if.by_size_caption", language), _header("size", outcomes, language), rows)


def group_table(outcomes: Sequence[Outcome], language: Language) -> Table | None:
    """None where the log names no user groups."""
    found = [[{one.name: one for one in seed} for seed in outcome.by_group] for outcome in outcomes]
    hours = {name: one.unit_hours for name, one in found[0][0].items()}
    if not hours:
        return None
    names = sorted(hours, key=lambda name: -hours[name])
    rows = tuple(
        (name, _cells([[seed.get(name) for seed in one] for one in found], language)) for name in names[:GROUPS]
    )
    note = text("what_if.groups_left_out", language, count=len(names) - GROUPS) if len(names) > GROUPS else ""
    caption = text("what_if.by_group_caption", language)
    return Table("by-group", caption, _header("group", outcomes, language), rows, note)


def _header(first: str, outcomes: Sequence[Outcome], language: Language) -> tuple[str, ...]:
    unit = unit_name(outcomes[0].unit, language)
    hours = text("what_if.hours", language, unit=unit)
    names = [name_of(outcome, language) for outcome in outcomes]
    return (
        text(f"what_if.{first}", language, unit=unit),
        text("what_if.jobs", language),
        hours,
        *(text("what_if.median_of", language, name=name) for name in names),
        *(text("what_if.p90_of", language, name=name) for name in names),
        *(text("what_if.slowdown_of", language, name=name) for name in names),
    )


def _cells(found: list[list[GroupIndicators | None]], language: Language) -> tuple[Cell, ...]:
    """One row: jobs and hours as they are, then each measure of every outcome."""
    duration, number = shown_duration(language), shown_number(language)

    def values(outcome: list[GroupIndicators | None], get: Callable[[GroupIndicators], Any]) -> list[Any]:
        return [None if one is None else get(one) for one in outcome]

    return (
        across(values(found[0], lambda one: one.jobs), number),
        across(values(found[0], lambda one: one.unit_hours), number),
        *(across(values(outcome, lambda one: one.wait.p50_s), duration) for outcome in found),
        *(across(values(outcome, lambda one: one.wait.p90_s), duration) for outcome in found),
        *(across(values(outcome, lambda one: one.bounded_slowdown), number) for outcome in found),
    )


def sweep_table(outcomes: Sequence[Mapping[str, Any]], language: Language) -> Table:
    """One row per scenario of a sweep; ``outcomes`` are plain data, as ``outcome_as_dict`` makes them."""
    duration, number, share = shown_duration(language), shown_number(language), shown_share(language)
    unit = unit_name(outcomes[0]["unit"], language)
    columns: dict[str, tuple[str, Callable[[float], str]]] = {
        "mean_wait": ("mean_wait_s", duration),
        "median_wait": ("median_wait_s", duration),
        "p90_wait": ("p90_wait_s", duration),
        "p99_wait": ("p99_wait_s", duration),
        "bounded_slowdown": ("bounded_slowdown", number),
        "utilisation": ("utilisation", share),
        "never_run": ("unsatisfiable", number),
    }
    rows = tuple(
        (
            ", ".join(outcome["changes"]),
            (
                (number(outcome["capacity"]), ""),
                *(across([whole[name] for whole in outcome["whole"]], show) for name, show in columns.values()),
            ),
        )
        for outcome in outcomes
    )
    header = (text("what_if.scenario", language), text("what_if.machine_of", language, unit=unit))
    names = (text(f"what_if.{key}", language, unit=unit) for key in columns)
    return Table("sweep", text("what_if.sweep_caption", language), (*header, *names), rows)


def seeds_sentence(outcomes: Sequence[Outcome], language: Language) -> str:
    drawn = max(len(outcome.seeds) for outcome in outcomes)
    if drawn == 0:
        return text("what_if.nothing_drawn", language)
    return text("what_if.drawn_one" if drawn == 1 else "what_if.drawn", language, count=drawn)
