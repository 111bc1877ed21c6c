"""The pictures of a what-if: waits by size, the queue over time, size against run time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stellwerk.charts import Axis, Chart, Line, Panel, format_duration, heat_map, step_lines
from stellwerk.measures.outcome import Outcome
from stellwerk.measures.size_map import RUN_TIME_BOUNDS_S
from stellwerk.measures.what_if_words import counted_size, name_of, size_name, unit_name
from stellwerk.messages import Language, text
from stellwerk.units import SECONDS_PER_DAY

PANELS = 8
"""Classes of sizes that are drawn: those with the most jobs."""

LINES = 8
"""Outcomes that one drawing holds."""

_WAIT_BOUNDS_S = (0, 60, 600, 3_600, 21_600, 86_400)


def pictures_of(outcomes: Sequence[Outcome], language: Language) -> list[Chart]:
    """Waits by size and queue of the outcomes in one drawing each (the last and the first others where there are more
    than can be told apart), and a map of the first and of the last."""
    drawn = outcomes if len(outcomes) <= LINES else (*outcomes[: LINES - 1], outcomes[-1])
    return [
        _wait_curves(drawn, language),
        _queue(drawn, language),
        _size_map(outcomes[0], "before", language),
        _size_map(outcomes[-1], "after", language),
    ]


def _wait_curves(outcomes: Sequence[Outcome], language: Language) -> Chart:
    jobs: dict[tuple[int, int], int] = {}
    for outcome in outcomes:
        for curve in outcome.wait_curves:
            jobs[curve.smallest, curve.largest] = max(jobs.get((curve.smallest, curve.largest), 0), curve.jobs)
    most = sorted(jobs, key=lambda size: -jobs[size])[:PANELS]
    unit = outcomes[0].unit
    panels = [
        Panel(
            counted_size(*size, unit, language),
            [
                Line(name_of(outcome, language), curve.wait_s.tolist(), curve.share.tolist())
                for outcome in outcomes
                for curve in outcome.wait_curves
                if (curve.smallest, curve.largest) == size
            ],
        )
        for size in sorted(most)
    ]
    return step_lines(
        "waits-by-size",
        text("what_if.curves_title", language),
        text("what_if.curves_description", language),
        panels,
        language=language,
        x_axis=Axis(text("what_if.wait_axis", language), "duration"),
        y_axis=Axis(text("what_if.share_axis", language), "share"),
        table_at=(*_WAIT_BOUNDS_S, 7 * 86_400),
    )


def _queue(outcomes: Sequence[Outcome], language: Language) -> Chart:
    lines = []
    for outcome in outcomes:
        edges_s = outcome.queue.edges_s
        days = ((edges_s - edges_s[0]) / SECONDS_PER_DAY).tolist()
        lines.append(Line(name_of(outcome, language), days, [*outcome.queue.mean.tolist(), 0.0]))
    return step_lines(
        "queue-over-time",
        text("what_if.queue_title", language),
        text("what_if.queue_description", language),
        [Panel("", lines)],
        language=language,
        x_axis=Axis(text("what_if.days_axis", language)),
        y_axis=Axis(text("what_if.queue_axis", language)),
    )


def _size_map(outcome: Outcome, place: str, language: Language) -> Chart:
    found = outcome.size_map
    columns = [f"≤ {format_duration(bound, language)}" for bound in RUN_TIME_BOUNDS_S]
    return heat_map(
        f"size-map-{place}",
        text("what_if.map_title", language, name=name_of(outcome, language)),
        text("what_if.map_description", language),
        [size_name(*size, language) for size in found.sizes],
        [*columns, f"> {format_duration(RUN_TIME_BOUNDS_S[-1], language)}"],
        [[None if math.isnan(value) else value for value in row] for row in found.median_wait_s.tolist()],
        language=language,
        bounds=_WAIT_BOUNDS_S,
        show=lambda value: format_duration(value, language),
        row_label=text("what_if.size_of_job", language, unit=unit_name(outcome.unit, language)),
        column_label=text("what_if.run_time", language),
    )
