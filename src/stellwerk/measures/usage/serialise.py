"""A report as plain data."""

from __future__ import annotations

import datetime
from typing import Any

from stellwerk.measures.usage.model import Course, Quantiles, Usage, Use


def usage_as_dict(usage: Usage) -> dict[str, Any]:
    """Everything that a report holds; hours are of ``device``, seconds those of the log, instants in UTC."""
    edges, limits = usage.edges, usage.limits
    return {
        "device": usage.device,
        "time_zone": str(usage.zone),
        "zero": usage.zero.isoformat() if usage.zero else None,
        "period": _span(usage, usage.period_s),
        "covered": _span(usage, usage.covered_s) if usage.covered_s else None,
        "edges": {
            "first_submit_s": edges.first_submit_s,
            "last_submit_s": edges.last_submit_s,
            "first_start_s": edges.first_start_s,
            "first_end_s": edges.first_end_s,
            "last_end_s": edges.last_end_s,
            "started_before": edges.started_before,
            "ended_after": edges.ended_after,
            "unfinished": edges.unfinished,
        },
        "capacity": {"devices": usage.capacity.devices, "source": usage.capacity.source},
        "most_held": usage.most_held,
        "mean_held": usage.mean_held,
        "utilisation": usage.utilisation,
        "total": _use(usage.total),
        "sizes": [{"least": size.least, "most": size.most} | _use(use) for size, use in usage.sizes.items()],
        "states": [{"state": state} | _use(use) for state, use in usage.states.items()],
        "by": usage.by,
        "users": usage.users,
        "accounts": usage.accounts,
        "groups": [{"name": name} | _use(use) for name, use in usage.groups.items()],
        "months": [
            {
                "start": _start(month.start),
                "whole": month.whole,
                "hours": month.hours,
                "lost_hours": month.lost_hours,
                "started": month.started,
                "wait_s": _quantiles(month.wait_s),
            }
            for month in usage.months
        ],
        "course": _course(usage.coarse),
        "fine_course": _course(usage.fine),
        "limits": {
            "jobs": limits.jobs,
            "without_limit": limits.without_limit,
            "share_used": {"p10": limits.p10, "p50": limits.p50, "p90": limits.p90},
            "share_of_hours": limits.of_hours,
            "classes": [one._asdict() for one in limits.classes],
        },
        "unplaced": usage.unplaced,
        "accelerator_jobs": usage.accelerator_jobs,
        "accelerator_hours": usage.accelerator_hours,
        "never_ran": usage.never_ran,
        "left_queue": usage.left_queue,
        "eligible_later": usage.eligible_later,
    }


def _use(use: Use) -> dict[str, Any]:
    return {
        "jobs": use.jobs,
        "ran": use.ran,
        "hours": use.hours,
        "processor_hours": use.processor_hours,
        "lost_hours": use.lost_hours,
        "wait_s": _quantiles(use.wait_s),
        "eligible_wait_s": _quantiles(use.eligible_wait_s),
    }


def _quantiles(found: Quantiles) -> dict[str, float | None]:
    return {"n": found.jobs, "p50": found.p50, "p90": found.p90, "p99": found.p99}


def _course(course: Course) -> dict[str, Any]:
    names = ("whole", "hours", "mean_held", "most_held", "mean_queue", "most_queue", "mean_queue_devices")
    return {
        "bins": course.bins.kind,
        "rows": [
            {"start": _start(course.bins.starts[number])} | {name: getattr(course, name)[number] for name in names}
            for number in range(len(course.bins))
        ],
    }


def _span(usage: Usage, span_s: tuple[int, int]) -> dict[str, Any]:
    first, beyond = span_s
    if usage.zero is None:
        return {"from_s": first, "to_s": beyond, "from": None, "to": None}
    moments = [(usage.zero + datetime.timedelta(seconds=second)).isoformat() for second in span_s]
    return {"from_s": first, "to_s": beyond, "from": moments[0], "to": moments[1]}


def _start(start: datetime.datetime | float) -> str | float:
    return start.isoformat() if isinstance(start, datetime.datetime) else start
