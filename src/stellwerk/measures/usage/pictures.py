"""The pictures of a report: hours by size and by group, use and queue over time."""

from __future__ import annotations

from collections.abc import Sequence

from stellwerk.charts import Axis, Bar, Chart, Line, Panel, stacked_bars, step_lines
from stellwerk.measures.usage.counted import LOST_STATES
from stellwerk.measures.usage.groups import CANCELLED_WAITING
from stellwerk.measures.usage.model import Usage, Use
from stellwerk.measures.usage.shown import Shown
from stellwerk.messages import Language
from stellwerk.units import SECONDS_PER_DAY

BARS = 12
"""Groups that are drawn."""

_COMPLETED, _LOST = 2, 1  # looks of the two parts: green and orange


def usage_pictures(usage: Usage, language: Language) -> tuple[Chart, ...]:
    """Those that there are numbers for."""
    shown = Shown(usage, language)
    charts: list[Chart] = []
    if usage.total.hours:
        sizes = {shown.size(size): use for size, use in usage.sizes.items() if use.hours}
        charts.append(_bars(shown, "sizes", sizes))
        if any(name is not None for name in usage.groups):
            groups = {shown.name(name): use for name, use in list(usage.groups.items())[:BARS] if use.hours}
            charts.append(_bars(shown, "groups", groups))
    if usage.most_held:
        charts += [_use(shown), _queue(shown)]
    return tuple(charts)


def _bars(shown: Shown, what: str, uses: dict[str, Use]) -> Chart:
    """Hours in jobs that did not complete and all others."""
    ends = set(shown.usage.states)
    bars = [Bar(name, (use.hours - use.lost_hours, use.lost_hours)) for name, use in uses.items()]
    rest = "part_completed" if ends <= {"completed", CANCELLED_WAITING, *LOST_STATES} else "part_other"
    return stacked_bars(
        f"usage-by-{what}",
        shown.say(f"picture_{what}", unit=shown.unit),
        shown.say(f"picture_{what}_description"),
        bars,
        [shown.say(rest), shown.say("part_lost")],
        language=shown.language,
        unit=shown.unit,
        decimals=0 if max(use.hours for use in uses.values()) >= 100 else 1,
        looks=(_COMPLETED, _LOST),
    )


def _use(shown: Shown) -> Chart:
    course, stated = shown.usage.fine, shown.usage.capacity.devices
    *days, end = _days(shown)
    lines = [Line(shown.say("line_use"), days, course.mean_held, end)]
    if stated is not None:
        lines.append(Line(shown.say("line_stated"), days[:1], [float(stated)], end))
    return _over_time(shown, "use", lines, shown.devices_word)


def _queue(shown: Shown) -> Chart:
    *days, end = _days(shown)
    line = Line(shown.say("line_queue"), days, shown.usage.fine.mean_queue, end)
    return _over_time(shown, "queue", [line], shown.say("jobs"))


def _over_time(shown: Shown, what: str, lines: Sequence[Line], y_label: str) -> Chart:
    first = shown.span(shown.usage.fine.bins.starts[0], "moment")
    return step_lines(
        f"usage-{what}-over-time",
        shown.say(f"picture_{what}", devices=shown.devices_word),
        shown.say(f"picture_{what}_description"),
        [Panel("", lines)],
        language=shown.language,
        x_axis=Axis(shown.say("picture_days", first=first)),
        y_axis=Axis(y_label),
    )


def _days(shown: Shown) -> list[float]:
    """Where each span begins and the last one ends, in days since the first one."""
    edges_s = shown.usage.fine.bins.edges_s
    days: list[float] = ((edges_s - edges_s[0]) / SECONDS_PER_DAY).tolist()
    return days
