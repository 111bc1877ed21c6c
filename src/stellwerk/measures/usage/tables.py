"""A report as key figures and tables of texts: what the terminal and the page both show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from stellwerk.measures.usage.model import FEW_JOBS, Quantiles, Usage, Use
from stellwerk.measures.usage.shown import Shown
from stellwerk.messages import Language


class KeyFigure(NamedTuple):
    label: str
    amount: str
    remark: str


@dataclass(frozen=True, slots=True)
class UsageTable:
    """One table: an id for its heading, texts row by row (the first cell names the row) and what to know about it.

    ``more`` counts rows that were left out.
    """

    id: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    more: int = 0


def key_figures(usage: Usage, language: Language) -> tuple[KeyFigure, ...]:
    """The handful of figures that a report begins with."""
    shown, total, limits = Shown(usage, language), usage.total, usage.limits
    figures = [
        KeyFigure(
            shown.say("used"),
            shown.hours(total.hours),
            shown.say(
                "used_remark",
                ran=shown.jobs(total.ran),
                jobs=shown.jobs(total.jobs),
                users=_names(shown, usage.users),
                accounts=_names(shown, usage.accounts),
            ),
        ),
        _utilisation(shown),
    ]
    if total.wait_s.jobs:
        remark = shown.say("wait_remark", jobs=shown.jobs(total.wait_s.jobs))
        figures.append(KeyFigure(shown.say("wait"), _three(shown, total.wait_s), remark))
    if _three(shown, total.wait_s) != _three(shown, total.eligible_wait_s) and total.eligible_wait_s.jobs:
        remark = shown.say("wait_eligible_remark", jobs=shown.jobs(total.eligible_wait_s.jobs))
        figures.append(KeyFigure(shown.say("wait_eligible"), _three(shown, total.eligible_wait_s), remark))
    if shown.knows_ends:
        remark = shown.say("lost_remark", hours=shown.hours(total.lost_hours))
        figures.append(KeyFigure(shown.say("lost"), shown.share(total.lost_hours, total.hours), remark))
    if limits.jobs:
        remark = shown.say("limit_remark", jobs=shown.jobs(limits.jobs))
        if limits.of_hours is not None:
            remark += shown.say("limit_hours_remark", of_hours=shown.share(limits.of_hours), unit=shown.unit)
        figures.append(KeyFigure(shown.say("limit"), shown.share(limits.p50), remark))
    return tuple(figures)


def usage_tables(usage: Usage, language: Language, *, most_rows: int | None = None) -> tuple[UsageTable, ...]:
    """The tables that there are numbers for. At most ``most_rows`` groups are listed, the rest in one row."""
    shown = Shown(usage, language)
    is_placed = usage.edges.first_start_s is not None
    tables = [
        _sizes(shown),
        *([_waits(shown)] if usage.total.wait_s.jobs else []),
        *([_states(shown)] if shown.knows_ends else []),
        *([_groups(shown, most_rows)] if any(name is not None for name in usage.groups) else []),
        *([_months(shown), _course(shown)] if is_placed else []),
        *([_limits(shown)] if usage.limits.jobs else []),
    ]
    return tuple(tables)


def log_sentences(usage: Usage, language: Language) -> tuple[str, ...]:
    """What the log covers, what its edges cut, and what is not in the figures."""
    shown, edges = Shown(usage, language), usage.edges
    say, at = shown.say, shown.instant
    sentences = [say("log_submits", first=at(edges.first_submit_s), last=at(edges.last_submit_s))]
    if edges.first_start_s is not None:
        sentences += _coverage(shown)
    if shown.knows_ends:
        unfinished = say("log_unfinished", jobs=shown.jobs(edges.unfinished))
        sentences.append(unfinished if edges.unfinished else say("log_no_unfinished"))
    counts = {"log_never": usage.never_ran, "log_unplaced": usage.unplaced}
    sentences += [say(key, jobs=shown.jobs(jobs)) for key, jobs in counts.items() if jobs]
    stated = usage.capacity.devices
    if stated is not None and usage.most_held > stated:
        most = shown.number(usage.most_held)
        sentences.append(say("log_more_than_stated", most=most, devices=shown.devices(stated)))
    if usage.zero is None:
        sentences.append(say("log_no_clock"))
    return tuple(sentences)


def _utilisation(shown: Shown) -> KeyFigure:
    usage, say = shown.usage, shown.say
    most = shown.devices(usage.most_held)
    if usage.edges.first_start_s is None:
        return KeyFigure(say("utilisation"), say("utilisation_unknown"), say("utilisation_no_times"))
    if usage.mean_held is None:
        return KeyFigure(say("utilisation"), say("utilisation_unknown"), say("utilisation_unknown_remark", most=most))
    first, last = (shown.instant(second) for second in usage.covered_s or usage.period_s)
    mean = shown.amount(usage.mean_held)
    if usage.utilisation is None:
        return KeyFigure(
            say("utilisation"),
            say("utilisation_bound", share=shown.share(usage.mean_held, usage.most_held)),
            say("utilisation_bound_remark", most=most, mean=mean, first=first, last=last),
        )
    remark = say(
        "utilisation_remark",
        devices=shown.devices(usage.capacity.devices or 0),
        source=say(f"source_{usage.capacity.source}"),
        mean=mean,
        most=shown.number(usage.most_held),
        first=first,
        last=last,
    )
    return KeyFigure(say("utilisation"), shown.share(usage.utilisation), remark)


def _sizes(shown: Shown) -> UsageTable:
    usage, say = shown.usage, shown.say
    both = shown.counts_processors_too
    header = (shown.devices_word, say("jobs"), shown.unit, say("share_of_hours"), *_lost(shown, say("lost_share")))
    return UsageTable(
        "sizes",
        say("sizes_title"),
        (*header, *([say("unit_processor")] if both else [])),
        tuple(
            (
                shown.marked(shown.size(size), use.jobs),
                shown.number(use.jobs),
                shown.amount(use.hours),
                shown.share(use.hours, usage.total.hours),
                *_lost(shown, shown.share(use.lost_hours, use.hours)),
                *([shown.amount(use.processor_hours)] if both else []),
            )
            for size, use in usage.sizes.items()
        ),
        _notes(
            [*_lost(shown, say("sizes_note")), *_cores(shown)],
            shown,
            usage.sizes.values(),
        ),
    )


def _waits(shown: Shown) -> UsageTable:
    usage, say = shown.usage, shown.say
    both = any(
        use.eligible_wait_s.jobs and _three(shown, use.wait_s) != _three(shown, use.eligible_wait_s)
        for use in usage.sizes.values()
    )
    header = [shown.devices_word, say("n"), *(say(key) for key in ("p50", "p90", "p99"))]
    header += [say(f"eligible_{key}") for key in ("p50", "p90", "p99")] if both else []
    note = say("waits_note_eligible" if both else "waits_note")
    if not both and usage.total.eligible_wait_s.jobs:
        note = say("waits_same", jobs=shown.jobs(usage.eligible_later))
    waited = {size: use for size, use in usage.sizes.items() if use.wait_s.jobs}
    return UsageTable(
        "waits",
        say("waits_title"),
        tuple(header),
        tuple(
            (
                shown.marked(shown.size(size), use.wait_s.jobs),
                shown.number(use.wait_s.jobs),
                *(shown.duration(value) for value in use.wait_s[1:]),
                *([shown.duration(value) for value in use.eligible_wait_s[1:]] if both else []),
            )
            for size, use in waited.items()
        ),
        _few([note], shown, any(use.wait_s.jobs < FEW_JOBS for use in waited.values())),
    )


def _states(shown: Shown) -> UsageTable:
    usage, say = shown.usage, shown.say
    both = shown.counts_processors_too
    header = (say("state"), say("jobs"), say("share"), shown.unit, say("share_of_hours"))
    return UsageTable(
        "states",
        say("states_title"),
        (*header, *([say("unit_processor")] if both else [])),
        tuple(
            (
                shown.state(state),
                shown.number(use.jobs),
                shown.share(use.jobs, usage.total.jobs),
                shown.amount(use.hours),
                shown.share(use.hours, usage.total.hours),
                *([shown.amount(use.processor_hours)] if both else []),
            )
            for state, use in usage.states.items()
        ),
        (say("states_note"),),
    )


def _groups(shown: Shown, most_rows: int | None) -> UsageTable:
    usage, say = shown.usage, shown.say
    groups = list(usage.groups.items())
    if most_rows is None or len(groups) <= most_rows + 1:
        most_rows = len(groups)
    listed, others = groups[:most_rows], [use for _, use in groups[most_rows:]]
    rows = [_group_row(shown, shown.name(name), use) for name, use in listed]
    if others:
        jobs, hours, lost = (sum(getattr(use, key) for use in others) for key in ("jobs", "hours", "lost_hours"))
        name = say("others", count=shown.number(len(others)))
        share, lost_share = shown.share(hours, usage.total.hours), shown.share(lost, hours)
        rows.append((name, shown.number(jobs), shown.amount(hours), share, *_lost(shown, lost_share), say("none")))
    hours = [use.hours for use in usage.groups.values()]
    note = say(
        "groups_note",
        first=shown.share(hours[0], usage.total.hours),
        five=shown.share(sum(hours[:5]), usage.total.hours),
        count=shown.number(len(groups)),
    )
    header = (say("jobs"), shown.unit, say("share_of_hours"), *_lost(shown, say("lost_share")), say("median_wait"))
    return UsageTable(
        "groups",
        say(f"groups_title_{usage.by}"),
        (say(f"group_{usage.by}"), *header),
        tuple(rows),
        _notes([note] if len(groups) > 5 else [], shown, [use for _, use in listed]),
        more=len(others),
    )


def _group_row(shown: Shown, name: str, use: Use) -> tuple[str, ...]:
    return (
        shown.marked(name, use.jobs),
        shown.number(use.jobs),
        shown.amount(use.hours),
        shown.share(use.hours, shown.usage.total.hours),
        *_lost(shown, shown.share(use.lost_hours, use.hours)),
        shown.duration(use.wait_s.p50),
    )


def _months(shown: Shown) -> UsageTable:
    usage, say = shown.usage, shown.say
    notes = [say("months_note")]
    if usage.unplaced:
        hours = usage.total.hours - sum(month.hours for month in usage.months)
        notes.append(say("months_unplaced", jobs=shown.jobs(usage.unplaced), hours=shown.hours(max(hours, 0.0))))
    if not all(month.whole for month in usage.months):
        notes.append(say("edge"))
    header = (shown.unit, *_lost(shown, say("lost_share")), say("started"), say("median_wait"), say("wait_p90"))
    return UsageTable(
        "months",
        say("months_title"),
        (say("month"), *header),
        tuple(
            (
                shown.span(month.start, "month") + ("" if month.whole else " †"),
                shown.amount(month.hours),
                *_lost(shown, shown.share(month.lost_hours, month.hours)),
                shown.number(month.started),
                shown.duration(month.wait_s.p50),
                shown.duration(month.wait_s.p90),
            )
            for month in usage.months
        ),
        tuple(notes),
    )


def _course(shown: Shown) -> UsageTable:
    usage, say, course = shown.usage, shown.say, shown.usage.coarse
    stated = usage.capacity.devices
    header = (say("in_use"), say("most_in_use"), *([say("used_share")] if stated else []))
    queue = (say("queue"), say("most_queue"), say("queue_devices", devices=shown.devices_word))
    rows = zip(
        course.bins.starts,
        course.whole,
        course.mean_held,
        course.most_held,
        course.mean_queue,
        course.most_queue,
        course.mean_queue_devices,
        strict=True,
    )
    notes = [say("course_note")]
    if usage.left_queue:
        notes.append(say("course_never", jobs=shown.jobs(usage.left_queue)))
    if not all(course.whole):
        notes.append(say("edge"))
    return UsageTable(
        "course",
        say("course_title"),
        (say(f"time_{course.bins.kind}"), *header, *queue),
        tuple(
            (
                shown.span(start, course.bins.kind) + ("" if whole else " †"),
                shown.amount(held),
                shown.number(most),
                *([shown.share(held, stated)] if stated else []),
                shown.amount(queue_length),
                shown.number(longest),
                shown.amount(devices),
            )
            for start, whole, held, most, queue_length, longest, devices in rows
        ),
        tuple(notes),
    )


def _limits(shown: Shown) -> UsageTable:
    say, limits = shown.say, shown.usage.limits
    hours = sum(one.hours for one in limits.classes)
    bounds = [shown.number(100 * one.below) for one in limits.classes if one.below is not None]
    names = [say("between", least=least, most=most) for least, most in pairwise(["0", *bounds])]
    note = say(
        "limits_note",
        jobs=shown.jobs(limits.jobs),
        without=shown.number(limits.without_limit),
        p10=shown.share(limits.p10),
        p50=shown.share(limits.p50),
        p90=shown.share(limits.p90),
    )
    return UsageTable(
        "limits",
        say("limits_title"),
        (say("limit_class"), say("jobs"), say("share"), shown.unit, say("share_of_hours")),
        tuple(
            (
                name,
                shown.number(one.jobs),
                shown.share(one.jobs, limits.jobs),
                shown.amount(one.hours),
                shown.share(one.hours, hours),
            )
            for name, one in zip([*names, say("rest", least=bounds[-1])], limits.classes, strict=True)
        ),
        (note,),
    )


def _lost(shown: Shown, cell: str) -> tuple[str, ...]:
    """A cell about lost hours, where the log says how jobs ended."""
    return (cell,) if shown.knows_ends else ()


def _cores(shown: Shown) -> list[str]:
    """What a core is, and what of a log counted by cores holds accelerators."""
    usage = shown.usage
    notes = [shown.say("core")] if shown.counts_processors_too or usage.device == "processor" else []
    if usage.device == "processor" and usage.accelerator_jobs:
        hours = f"{shown.amount(usage.accelerator_hours)} {shown.say('unit_accelerator')}"
        notes.append(shown.say("accelerators_too", jobs=shown.jobs(usage.accelerator_jobs), hours=hours))
    return notes


def _coverage(shown: Shown) -> list[str]:
    """From when to when the log is whole, and what reaches into that span and beyond it."""
    edges, say, at = shown.usage.edges, shown.say, shown.instant
    sentences = []
    if edges.first_start_s is not None and edges.first_end_s is not None and edges.last_end_s is not None:
        first, last = at(edges.first_end_s), at(edges.last_end_s)
        sentences.append(say("log_ends", start=at(edges.first_start_s), first=first, last=last))
    if edges.covered_s is None:
        return [*sentences, say("log_not_covered")]
    first, last = (at(second) for second in edges.covered_s)
    counts = {"log_before": edges.started_before, "log_after": edges.ended_after}
    reaching = [say(key, jobs=shown.jobs(jobs)) for key, jobs in counts.items() if jobs]
    return [*sentences, say("log_covered", first=first, last=last), *reaching]


def _names(shown: Shown, count: int) -> str:
    return shown.number(count) if count else shown.say("unknown")


def _three(shown: Shown, waits: Quantiles) -> str:
    return " · ".join(shown.duration(value) for value in waits[1:])


def _notes(notes: list[str], shown: Shown, uses: Iterable[Use]) -> tuple[str, ...]:
    return _few(notes, shown, any(use.jobs < FEW_JOBS for use in uses))


def _few(notes: list[str], shown: Shown, few: bool) -> tuple[str, ...]:
    return (*notes, *([shown.say("few", few=FEW_JOBS)] if few else []))
