"""The figures of a what-if, side by side, as the page and the terminal show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stellwerk.charts import format_number
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
    """One row per indicator of all jobs; restarts and lost hours only where a job was stopped."""
    columns = _columns(language)
    if any(whole.restarts for outcome in outcomes for whole in outcome.whole):
        columns |= {
            "restarts": ("restarts", columns["slowdown"][1]),
            "lost": ("lost_unit_hours", columns["slowdown"][1]),
        }
    unit = unit_name(outcomes[0].unit, language)
    machine = tuple((format_number(outcome.capacity, language), "") for outcome in outcomes)
    rows = tuple(
        (
            text(f"what_if.{key}", language, unit=unit),
            tuple(across([getattr(whole, name) for whole in outcome.whole], show) for outcome in outcomes),
        )
        for key, (name, show) in columns.items()
    )
    return Table(
        "whole",
        text("what_if.whole_caption", language),
        ("", *(name_of(outcome, language) for outcome in outcomes)),
        ((text("what_if.machine_of", language, unit=unit), machine), *rows),
    )


def size_table(outcomes: Sequence[Outcome], language: Language, *, joined: bool = False) -> Table:
    """One row per class of sizes. ``joined``: one cell ``first → last`` per measure without the ranges, for a
    narrow place; otherwise a cell per outcome."""
    sizes = sorted({(one.smallest, one.largest) for outcome in outcomes for seed in outcome.by_size for one in seed})
    found = [
        [{(one.smallest, one.largest): one.found for one in seed} for seed in outcome.by_size] for outcome in outcomes
    ]
    rows = tuple(
        (
            size_name(*size, language),
            _cells([[seed.get(size) for seed in one] for one in found], language, joined),
        )
        for size in sizes
    )
    header = _header("size", outcomes, language, joined)
    return Table("by-size", text("what_if.by_size_caption", language), header, rows)


def group_table(outcomes: Sequence[Outcome], language: Language, *, joined: bool = False) -> Table | None:
    """One row per user group, as ``size_table``; None where the log names no user groups."""
    found = [[{one.name: one for one in seed} for seed in outcome.by_group] for outcome in outcomes]
    hours = {name: one.unit_hours for name, one in found[0][0].items()}
    if not hours:
        return None
    names = sorted(hours, key=lambda name: -hours[name])
    rows = tuple(
        (name, _cells([[seed.get(name) for seed in one] for one in found], language, joined)) for name in names[:GROUPS]
    )
    note = text("what_if.groups_left_out", language, count=len(names) - GROUPS) if len(names) > GROUPS else ""
    header = _header("group", outcomes, language, joined)
    return Table("by-group", text("what_if.by_group_caption", language), header, rows, note)


def _header(first: str, outcomes: Sequence[Outcome], language: Language, joined: bool) -> tuple[str, ...]:
    unit = unit_name(outcomes[0].unit, language)
    measures = [text(f"what_if.{key}", language) for key in ("median", "p90", "slowdown")]
    names = [name_of(outcome, language) for outcome in outcomes]
    return (
        text(f"what_if.{first}", language, unit=unit),
        text("what_if.jobs", language),
        text("what_if.hours", language, unit=unit),
        *(measures if joined else (f"{measure}, {name}" for measure in measures for name in names)),
    )


def _cells(found: list[list[GroupIndicators | None]], language: Language, joined: bool) -> tuple[Cell, ...]:
    """One row: jobs and hours as they are, then each measure of every outcome."""
    duration, number = shown_duration(language), shown_number(language)

    def cells(get: Callable[[GroupIndicators], Any], show: Callable[[float], str]) -> list[Cell]:
        return [across([None if one is None else get(one) for one in outcome], show) for outcome in found]

    measures = (
        cells(lambda one: one.wait.p50_s, duration),
        cells(lambda one: one.wait.p90_s, duration),
        cells(lambda one: one.bounded_slowdown, number),
    )
    shown = [cell for row in measures for cell in row]
    if joined:
        shown = [(f"{row[0][0]} → {row[-1][0]}", "") for row in measures]
    return (cells(lambda one: one.jobs, number)[0], cells(lambda one: one.unit_hours, number)[0], *shown)


def sweep_table(outcomes: Sequence[Mapping[str, Any]], language: Language) -> Table:
    """One row per scenario of a sweep; ``outcomes`` are plain data, as ``outcome_as_dict`` makes them."""
    columns = _columns(language)
    if any(whole["unsatisfiable"] for outcome in outcomes for whole in outcome["whole"]):
        columns["never_run"] = ("unsatisfiable", shown_number(language))
    unit = unit_name(outcomes[0]["unit"], language)
    rows = tuple(
        (
            ", ".join(outcome["changes"]),
            (
                (format_number(outcome["capacity"], language), ""),
                *(across([whole[name] for whole in outcome["whole"]], show) for name, show in columns.values()),
            ),
        )
        for outcome in outcomes
    )
    header = (text("what_if.scenario", language), text("what_if.machine_of", language, unit=unit))
    names = (text(f"what_if.{key}", language) for key in columns)
    return Table("sweep", text("what_if.sweep_caption", language), (*header, *names), rows)


def _columns(language: Language) -> dict[str, tuple[str, Callable[[float], str]]]:
    """What is told of all jobs: the key of its name, the field of ``Indicators``, and how it is shown."""
    duration = shown_duration(language)
    return {
        "mean_wait": ("mean_wait_s", duration),
        "median": ("median_wait_s", duration),
        "p90": ("p90_wait_s", duration),
        "p99": ("p99_wait_s", duration),
        "slowdown": ("bounded_slowdown", shown_number(language)),
        "use": ("utilisation", shown_share(language)),
    }


def seeds_sentence(outcomes: Sequence[Outcome], language: Language) -> str:
    drawn = max(len(outcome.seeds) for outcome in outcomes)
    if drawn == 0:
        return text("what_if.nothing_drawn", language)
    return text("what_if.drawn_one" if drawn == 1 else "what_if.drawn", language, count=drawn)
