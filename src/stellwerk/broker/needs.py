"""What was asked and what could not be met, without a word on who asked (docs/needs.md)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from stellwerk.broker.model import JudgedOffer, Match, Verdict
from stellwerk.files import read_text
from stellwerk.units import SECONDS_PER_DAY
from stellwerk.workload import Limits, Training, Workload, count_parameters

NEED_SCHEMA = "stellwerk-need-1"
"""Stands first in every line, so that a file of needs is told from any other."""
FIGURES = 2
"""Significant figures of every amount: enough to plan capacities by, too few to tell a project by."""
AGAINST: tuple[Verdict, ...] = ("unknown", "impossible")
MAX_FILE_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class RegisteredNeed:
    """One line of a file of needs, as far as it is summed up.

    ``gpu_hours`` are those of the best possible offer, or of the best unknown one where none is possible; None where
    neither had a plan. ``against`` counts the offers by verdict and code of the reason.
    """

    applicant: str
    task: str
    possible: int
    unknown: int
    gpu_hours: float | None
    against: Counter[tuple[Verdict, str]]


@dataclass(frozen=True, slots=True)
class NeedGroup:
    """Requests of one kind of applicant for one task; ``open`` had offers of unknown verdict only, ``unmet`` none.

    ``gpu_hours_median`` is over the ``gpu_hours_known`` requests that had a plan; None where none had one.
    """

    applicant: str
    task: str
    requests: int
    met: int
    open: int
    unmet: int
    gpu_hours_median: float | None
    gpu_hours_known: int


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason that stood against offers, in requests for which no offer was possible."""

    verdict: Verdict
    code: str
    requests: int
    offers: int


def need_record(match: Match) -> dict[str, Any]:
    """One match as a line for a file of needs: amounts rounded to two significant figures, nothing about the person.

    What is not known or was not asked is left out, never written as zero.
    """
    workload = match.workload
    applicant, data = workload.applicant, workload.data
    record: dict[str, Any] = {
        "schema": NEED_SCHEMA,
        "day": match.as_of.isoformat(),
        "applicant": applicant.kind,
        "country": applicant.country,
    }
    record |= _what_is_asked(workload)
    record |= {"sensitivity": data.sensitivity, "locations": list(data.locations)}
    record |= _limit(workload.limits, match)
    record |= {"has_budget": workload.limits.budget is not None, "offers": dict(match.counts())}
    for verdict in ("possible", "unknown"):
        record |= _best(match, verdict)
    against = {verdict: _reasons(match.offers, verdict) for verdict in AGAINST}
    return record | {"reasons": against}


def is_need_line(line: str | bytes) -> bool:
    """Whether a line says of itself that it is one of ``need_record``; its other values are not looked at."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(values, dict) and values.get("schema") == NEED_SCHEMA


def read_needs(path: Path) -> tuple[RegisteredNeed, ...]:
    """The needs in a file of ``need_record`` lines; raises InputErrors with every mistake and its line."""
    from stellwerk.broker.needs_file import needs_in  # pydantic is slow to import

    return needs_in(read_text(path, limit_bytes=MAX_FILE_BYTES), path)


def group_needs(needs: Iterable[RegisteredNeed]) -> tuple[NeedGroup, ...]:
    """Needs by kind of applicant and task, the largest group first."""
    groups: dict[tuple[str, str], list[RegisteredNeed]] = {}
    for need in needs:
        groups.setdefault((need.applicant, need.task), []).append(need)
    return tuple(_group(*groups[key]) for key in sorted(groups, key=lambda key: (-len(groups[key]), key)))


def obstacles(needs: Iterable[RegisteredNeed]) -> tuple[Obstacle, ...]:
    """What stood in the way of the requests without a possible offer; first what stood against the most offers."""
    offers: Counter[tuple[Verdict, str]] = Counter()
    requests: Counter[tuple[Verdict, str]] = Counter()
    for need in needs:
        if not need.possible:
            offers.update(need.against)
            requests.update(need.against.keys())
    order = sorted(offers, key=lambda key: (-offers[key], -requests[key], key))
    return tuple(Obstacle(*key, requests[key], offers[key]) for key in order)


def _what_is_asked(workload: Workload) -> dict[str, Any]:
    parameters = {"parameters": _rounded(count_parameters(workload.architecture).total)}
    task = workload.task
    if isinstance(task, Training):
        asked = {"tokens": _rounded(task.tokens), "sequence_length": task.sequence_length}
        return {"task": task.method} | parameters | asked
    load = {"users": _rounded(task.users), "concurrent_requests": _rounded(task.concurrent_requests)}
    return {"task": "serving"} | parameters | load


def _limit(limits: Limits, match: Match) -> dict[str, Any]:
    """Days from the longest time that was allowed or until the deadline, whichever is less."""
    days = [] if limits.duration_s is None else [limits.duration_s / SECONDS_PER_DAY]
    if limits.deadline is not None:
        days.append(max((limits.deadline.date() - match.as_of).days, 0))
    return {"limit_days": _rounded(min(days))} if days else {}


def _best(match: Match, verdict: Verdict) -> Iterator[tuple[str, dict[str, float]]]:
    """Size of the first offer of the ranking with this verdict and a plan."""
    plans = (judged.plan for judged in match.offers if judged.verdict == verdict)
    for plan in plans:
        if plan is not None:
            size = {"gpu_hours": _rounded(plan.device_hours.best), "devices": _rounded(plan.devices)}
            yield f"best_{verdict}", size
            return


def _reasons(offers: Iterable[JudgedOffer], verdict: Verdict) -> dict[str, int]:
    """How many offers of this verdict each reason decided; an offer with several counts for each of them."""
    decided = Counter(
        code
        for judged in offers
        if judged.verdict == verdict
        for code in {finding.reason.code for finding in judged.findings if finding.effect == verdict}
    )
    return dict(sorted(decided.items()))


def _rounded(value: float) -> float:
    """Two significant figures, as a whole number where it is one."""
    rounded = float(f"{value:.{FIGURES}g}")
    return int(rounded) if rounded.is_integer() else rounded


def _group(*needs: RegisteredNeed) -> NeedGroup:
    hours = [need.gpu_hours for need in needs if need.gpu_hours is not None]
    return NeedGroup(
        applicant=needs[0].applicant,
        task=needs[0].task,
        requests=len(needs),
        met=sum(need.possible > 0 for need in needs),
        open=sum(not need.possible and need.unknown > 0 for need in needs),
        unmet=sum(not need.possible and not need.unknown for need in needs),
        gpu_hours_median=median(hours) if hours else None,
        gpu_hours_known=len(hours),
    )
