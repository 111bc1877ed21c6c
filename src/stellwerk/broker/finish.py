"""When a workload is done: the parts of the time until then that are known, and those that are not."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from stellwerk.broker.bounds import AtMost, Bound, Estimates, Params
from stellwerk.broker.model import CommercialOffer, Finding, Finish, FinishPart, Offer, PublicOffer
from stellwerk.broker.plans import Options
from stellwerk.broker.waits import Waits
from stellwerk.catalog import Cutoff, Programme
from stellwerk.errors import InputError
from stellwerk.messages import Reason
from stellwerk.planner import Plan, ServingCandidates, ServingPlan
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Interval
from stellwerk.workload import Limits


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """What the person allows, in seconds from the beginning of the day: for the run itself, and until it is done."""

    run_s: float | None
    until_deadline_s: float | None


def time_limit(limits: Limits, as_of: datetime.date) -> TimeLimit:
    """Raises InputError where the deadline is not after ``as_of``."""
    if limits.deadline is None:
        return TimeLimit(limits.duration_s, None)
    begin = datetime.datetime.combine(as_of, datetime.time(), limits.deadline.tzinfo)
    left_s = limits.deadline.timestamp() - begin.timestamp()
    if left_s <= 0:
        deadline = limits.deadline.isoformat()
        raise InputError("has passed", key="limits.deadline", value=deadline, allowed=f"a moment after {as_of}")
    return TimeLimit(limits.duration_s, left_s)


def parts_before_the_run(offer: Offer, as_of: datetime.date) -> tuple[FinishPart, ...]:
    """What passes before a job can be submitted, or rented machines are there."""
    if isinstance(offer, CommercialOffer):
        return (FinishPart("delivery", None),)
    if offer.programme is None:
        return (FinishPart("cutoff", None), FinishPart("decision", None))
    programme = offer.programme
    until_cutoff = _until_cutoff(programme.next_cutoff(as_of, offer.system.id), as_of)
    if programme.turnaround_from.value == "application":
        return (FinishPart("decision", _until_decision(programme, 0.0)),)
    # from what day the time counts is often not stated: then it may begin with the application
    earlier_s = 0.0
    if programme.turnaround_from.value is None and until_cutoff is not None:
        earlier_s = until_cutoff.best
    return (FinishPart("cutoff", until_cutoff), FinishPart("decision", _until_decision(programme, earlier_s)))


def run_bounds(limit: TimeLimit, before: tuple[FinishPart, ...], options: Options) -> Iterator[Bound]:
    """That the run keeps the time: its own limit, and what the known parts before it leave until the deadline.

    A service has to stand by the deadline, and then runs for its time.
    """
    known_before_s = sum(part.duration_s.low for part in before if part.duration_s is not None)
    left_s = math.inf if limit.until_deadline_s is None else limit.until_deadline_s - known_before_s
    if isinstance(options, ServingCandidates):
        if left_s < 0:
            nothing, late = np.zeros((3, len(options.duration_s))), Reason("ready_too_late")
            yield AtMost(Estimates(nothing), left_s, late, late, late, lambda _: {})
        return
    allowed_s = min(left_s, math.inf if limit.run_s is None else limit.run_s)
    if allowed_s == math.inf:
        return
    duration = Estimates.spread(options.duration_s, options.duration_spread)

    def params(index: int) -> Params:
        run = duration.at(index)
        return {
            "days": run.best / SECONDS_PER_DAY,
            "most_days": run.high / SECONDS_PER_DAY,
            "limit_days": allowed_s / SECONDS_PER_DAY,
            "devices": int(options.devices[index]),
        }

    slow, uncertain, tight = (
        Reason("too_slow"),
        Reason("time_limit_within_uncertainty"),
        Reason("time_limit_tight"),
    )
    yield AtMost(duration, allowed_s, slow, uncertain, tight, params)


def jobs_of(plan: Plan | ServingPlan, max_walltime_h: float | None) -> int | None:
    """How many jobs, one after the other, the run takes under a limit on their time; None where no limit is known."""
    return None if max_walltime_h is None else math.ceil(plan.duration_s.best / (max_walltime_h * SECONDS_PER_HOUR))


def finish_of(
    offer: Offer, before: tuple[FinishPart, ...], plan: Plan | ServingPlan, waits: Waits, as_of: datetime.date
) -> Finish:
    """Every part until it is done, or for a service until it stands. Each job of a run under a limit on wall time waits
    in the queue for itself."""
    if isinstance(plan, ServingPlan):
        return Finish(as_of, before)
    parts = [*before]
    if isinstance(offer, PublicOffer):
        wait = waits.of(offer.system.id, plan.devices)
        jobs = jobs_of(plan, offer.system.max_walltime_h.value) or 1
        parts.append(FinishPart("wait", None if wait is None else wait.wait_s * jobs))
    return Finish(as_of, (*parts, FinishPart("computing", plan.duration_s)))


def judge_finish(finish: Finish, limit: TimeLimit) -> Iterator[Finding]:
    """What is left until the deadline for the parts that are not known: a wait is never taken as nothing."""
    if limit.until_deadline_s is None or not finish.unknown:
        return
    left_days = max(limit.until_deadline_s - finish.known_s.best, 0.0) / SECONDS_PER_DAY
    yield Finding("note", Reason("left_for_unknown_parts", {"days": left_days, "part": ", ".join(finish.unknown)}))


def judge_walltime(offer: PublicOffer, plan: Plan | ServingPlan) -> Iterator[Finding]:
    """A run that is longer than a job may last is cut into jobs that go on from a checkpoint."""
    limit_h = offer.system.max_walltime_h.value
    jobs = jobs_of(plan, limit_h)
    if limit_h is None or jobs is None:
        yield Finding("note", Reason("walltime_unknown", {"system": offer.system.id}))
    elif jobs > 1:
        yield Finding("note", Reason("walltime_restarts", {"jobs": jobs, "hours": limit_h}))


def _until_cutoff(cutoff: Cutoff | None, as_of: datetime.date) -> Interval | None:
    if cutoff is None:
        return None
    if cutoff.instant is None:
        return Interval.exactly((cutoff.day - as_of).days * SECONDS_PER_DAY)
    begin = datetime.datetime.combine(as_of, datetime.time(), ZoneInfo(cutoff.zone))
    return Interval.exactly(cutoff.instant.timestamp() - begin.timestamp())


def _until_decision(programme: Programme, earlier_s: float) -> Interval | None:
    """The time that deciding takes; None where no longest time is stated. It may have begun ``earlier_s`` before."""
    most_days = programme.turnaround_days_max.value
    if most_days is None:
        return None
    low_s = max((programme.turnaround_days_min.value or 0) * SECONDS_PER_DAY - earlier_s, 0.0)
    high_s = most_days * SECONDS_PER_DAY
    return Interval(low_s, (low_s + high_s) / 2, high_s)
