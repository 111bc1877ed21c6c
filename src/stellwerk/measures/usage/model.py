"""What a job log says about the use of a cluster."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from stellwerk.measures.usage.calendar import Bins

Device = Literal["accelerator", "processor", "node"]
"""What hours are counted of; processors are cores, mostly."""

GroupBy = Literal["account", "user", "partition", "qos"]

FEW_JOBS = 5
"""A figure of fewer jobs says little, and is marked."""


class Quantiles(NamedTuple):
    """The 50th, 90th and 99th percentile of ``jobs`` values, linear between neighbours; None for no job."""

    jobs: int
    p50: float | None
    p90: float | None
    p99: float | None


class Size(NamedTuple):
    """A class of ``least`` to ``most`` devices. Both are 0 for jobs without accelerators in a log that knows some,
    and None where the log does not say."""

    least: int | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Use:
    """What some of the jobs used, and how they waited. Hours are of ``Usage.device`` unless they say otherwise.

    ``lost_hours`` went into jobs that did not complete. ``wait_s`` runs from submission to start,
    ``eligible_wait_s`` from the time at which a job might have started.
    """

    jobs: int
    ran: int
    hours: float
    processor_hours: float
    lost_hours: float
    wait_s: Quantiles
    eligible_wait_s: Quantiles


class LimitClass(NamedTuple):
    """Jobs that used less than ``below`` of their requested time; None holds all the others."""

    below: float | None
    jobs: int
    hours: float


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How much of their requested time ``jobs`` used: those that ran, ended and have a limit.

    ``p10`` to ``p90`` are percentiles over jobs, ``of_hours`` is the share of all requested device-hours.
    """

    jobs: int
    without_limit: int
    p10: float | None
    p50: float | None
    p90: float | None
    of_hours: float | None
    classes: tuple[LimitClass, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Means and peaks over time, one value per bin, each bin cut to the period.

    ``whole`` says which bins lie in the part that the log covers; in the others jobs are missing. The queue counts
    jobs that later started, from the time at which they might have, and those that still wait when the log ends.
    """

    bins: Bins
    whole: tuple[bool, ...]
    hours: tuple[float, ...]
    mean_held: tuple[float, ...]
    most_held: tuple[int, ...]
    mean_queue: tuple[float, ...]
    most_queue: tuple[int, ...]
    mean_queue_devices: tuple[float, ...]


class Month(NamedTuple):
    """``start`` is local, or a day since the log's zero. Hours are those inside the month, waits those of the jobs that
    started in it."""

    start: datetime.datetime | float
    hours: float
    lost_hours: float
    started: int
    wait_s: Quantiles
    whole: bool


class Capacity(NamedTuple):
    """How many devices there are, and who says so."""

    devices: int | None
    source: Literal["option", "cluster", "log", "unknown"]


@dataclass(frozen=True, slots=True)
class Edges:
    """When the log begins and ends, in its seconds, and what its edges cut.

    ``covered_s`` runs from the first end to the last submit: before, jobs that had ended by then may be missing
    (dumps are taken by the time of the end); after, jobs that came later are. None where there is no such span.
    """

    first_submit_s: int
    last_submit_s: int
    first_start_s: int | None
    first_end_s: int | None
    last_end_s: int | None
    covered_s: tuple[int, int] | None
    started_before: int
    """Jobs that started before the covered part and reach into it."""
    ended_after: int
    """Jobs that started in the covered part or before and end after it."""
    unfinished: int
    """Jobs that the log has as running, suspended or pending."""


@dataclass(frozen=True, slots=True, eq=False)
class Usage:
    """The use of a cluster in the period of a log from ``period_s[0]`` to before ``period_s[1]``.

    The same jobs are counted by size, state and group: those that ran in the period and those that never ran and were
    submitted in it. A key is None where the log does not say. ``most_held`` is the largest use at once, a lower
    bound of what there is; ``mean_held`` and ``utilisation`` hold for ``covered_s``, the part of the period that the
    log covers.

    ``unplaced`` jobs ran at a time that the log does not say: their hours are in no month. ``accelerator_jobs`` hold
    accelerators for ``accelerator_hours``, whatever ``device`` is. ``left_queue`` of those that never ran left the
    queue at a time that the log does not say. ``eligible_later`` counts jobs that might have started only some time
    after they were submitted.
    """

    zero: datetime.datetime | None
    zone: datetime.tzinfo
    period_s: tuple[int, int]
    is_part: bool
    """Whether the period was asked for, and is not that of the whole log."""
    covered_s: tuple[int, int] | None
    edges: Edges
    device: Device
    capacity: Capacity
    total: Use
    sizes: Mapping[Size, Use]
    states: Mapping[str | None, Use]
    by: GroupBy
    groups: Mapping[str | None, Use]
    users: int
    accounts: int
    limits: LimitUse
    months: tuple[Month, ...]
    coarse: Course
    fine: Course
    most_held: int
    mean_held: float | None
    utilisation: float | None
    unplaced: int
    accelerator_jobs: int
    accelerator_hours: float
    never_ran: int
    left_queue: int
    eligible_later: int
