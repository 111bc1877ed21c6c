"""Finds the policy whose waits come nearest to those that a log records (docs/fit.md)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.measures.groups import size_class
from stellwerk.measures.indicators import held_units
from stellwerk.measures.scenario import Scenario
from stellwerk.records import MISSING, JobTable
from stellwerk.simulation import Cluster, Multifactor, PolicySettings, policy_named, simulate

LEAST_WAIT_S = 60
"""Waits are compared as ``log10(wait + 60 s)``: seconds more or less are nothing to somebody who waits."""

MAX_SHARE_NOT_RUN = 0.01
"""A candidate on which more of the jobs can never run is none."""

_WARM_UP = 0.05
_PARENTS = 2
_LEAPS = 0.25
_MAX_MISSES = 1_000
_JUDGED = 10
_DAY_S = 86_400
_WEIGHTS = (0, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
_KNOBS: dict[str, tuple[Any, ...]] = {
    "out_of_service": (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3),
    "weight_age": _WEIGHTS,
    "max_age_s": (_DAY_S, 3 * _DAY_S, 7 * _DAY_S, 14 * _DAY_S),
    "weight_size": _WEIGHTS,
    "favour_small": (False, True),
    "weight_fair_share": _WEIGHTS,
    "half_life_s": (_DAY_S, 3 * _DAY_S, 7 * _DAY_S, 14 * _DAY_S, 30 * _DAY_S),
    "bf_interval_s": (30, 60, 120, 300, 600),
    "bf_max_job_test": (10, 50, 100, 500, 1_000),
    "bf_window_s": (_DAY_S, 2 * _DAY_S, 4 * _DAY_S, 7 * _DAY_S),
}
"""What the search turns, where the policy has it, each through these values in their order."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Settings with the distance of their waits to the recorded ones: on the jobs fitted to and, where it was worked
    out, on those held out."""

    settings: PolicySettings
    distance: float
    held_out_distance: float | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """All candidates, nearest first. ``until_s`` is the submit time from which on jobs are held out."""

    candidates: tuple[Candidate, ...]
    fitted_jobs: int
    held_out_jobs: int
    until_s: int

    @property
    def best(self) -> Candidate:
        return self.candidates[0]


def wait_distance(simulated_s: NDArray[Any], recorded_s: NDArray[Any], classes: NDArray[Any]) -> float:
    """How far two sets of waits of the same jobs lie apart, in decades: 0.3 is a factor of two.

    The earth mover's distance between the distributions of ``log10(wait + 60 s)`` within each class of sizes, averaged
    over the jobs. It asks whether jobs of a size wait as long as such jobs did, not whether each one did.
    """
    total = 0.0
    simulated, recorded = (np.log10(np.maximum(wait, 0) + LEAST_WAIT_S) for wait in (simulated_s, recorded_s))
    for number in np.unique(classes):
        members = classes == number
        total += float(np.abs(np.sort(simulated[members]) - np.sort(recorded[members])).sum())
    return total / len(classes)


def fit_policy(
    jobs: JobTable,
    cluster: Cluster,
    *,
    tries: int = 60,
    hold_out: float = 0.3,
    seed: int = 0,
    go_on: Callable[[], bool] = lambda: True,
) -> Fit:
    """The policies tried, by how near their waits come to the recorded ones on the first ``1 - hold_out`` of the jobs.

    Every kind of policy that the cluster admits is tried as it is; then one parameter at a time of one of the nearest,
    of several kinds, drawn with ``seed``, until there were ``tries`` or ``go_on`` says no. The first 5% of the jobs
    only fill the machine and count nowhere. The ten nearest, and each kind as it is, are judged on the jobs held out,
    by a replay of the whole log.

    Raises InputError where the log records no waits, or too few jobs.
    """
    if not (jobs.wait_s != MISSING).any():
        raise InputError("the log records no waits: there is nothing to fit to", file=jobs.source)
    cut = round(len(jobs) * (1 - hold_out))
    first = round(len(jobs) * _WARM_UP)
    if cut - first < 10 or len(jobs) - cut < 10:
        raise InputError(f"{len(jobs)} jobs are too few to fit to and to judge by", file=jobs.source)
    early = jobs.take(np.arange(cut))
    as_they_are = _kinds(cluster)
    found: list[Candidate] = []
    for settings in _search(cluster, found, tries, random.Random(seed)):  # noqa: S311 – no secret
        found.append(Candidate(settings, _distance(early, cluster, settings, seed, first)))
        found.sort(key=lambda candidate: candidate.distance)
        if len(found) >= len(as_they_are) and not go_on():
            break
    judged = (
        replace(candidate, held_out_distance=_distance(jobs, cluster, candidate.settings, seed, cut))
        if place < _JUDGED or candidate.settings in as_they_are
        else candidate
        for place, candidate in enumerate(found)
    )
    return Fit(tuple(judged), cut - first, len(jobs) - cut, int(jobs.submit_s[cut]))


def _search(cluster: Cluster, found: list[Candidate], tries: int, draw: random.Random) -> Iterator[PolicySettings]:
    """What to try next, knowing what was found so far, which is sorted."""
    seen: set[PolicySettings] = set()
    for settings in _kinds(cluster):
        seen.add(settings)
        yield settings
    misses = 0
    while len(seen) < tries and misses < _MAX_MISSES:
        settings = _turn_one_knob(draw.choice(_parents(found)).settings, draw)
        if settings in seen:
            misses += 1
            continue
        seen.add(settings)
        yield settings


def _parents(found: list[Candidate]) -> list[Candidate]:
    """The nearest two, and the nearest of each kind."""
    nearest_of_kind: dict[str, Candidate] = {}
    for candidate in found:
        nearest_of_kind.setdefault(candidate.settings.name, candidate)
    return [*found[:_PARENTS], *nearest_of_kind.values()]


def _kinds(cluster: Cluster) -> list[PolicySettings]:
    """Each kind of policy as it is; Slurm's, which needs nodes, by age alone and by size as well."""
    names = ("easy", "fcfs", "conservative", "conservative_replan")
    kinds = [PolicySettings(name, policy_named(name)) for name in names]
    if not cluster.is_pooled:
        by_age = Multifactor(weight_age=1_000)
        kinds += [
            PolicySettings("multifactor", by_age),
            PolicySettings("multifactor", replace(by_age, weight_size=1_000)),
            PolicySettings("multifactor", replace(by_age, weight_fair_share=1_000)),
        ]
    return kinds


def _turn_one_knob(settings: PolicySettings, draw: random.Random) -> PolicySettings:
    """The settings with one parameter at a value near its own or, one time in four, at any."""
    policy = settings.policy
    knob = draw.choice([name for name in _KNOBS if name == "out_of_service" or hasattr(policy, name)])
    values = _KNOBS[knob]
    present = settings.out_of_service if knob == "out_of_service" else getattr(policy, knob)
    if present in values and draw.random() >= _LEAPS:
        place = values.index(present)
        value = draw.choice(values[max(0, place - 2) : place] + values[place + 1 : place + 3])
    else:
        value = draw.choice(values)
    if knob == "out_of_service":
        return replace(settings, out_of_service=value)
    changed: dict[str, Any] = {knob: value}
    return replace(settings, policy=replace(policy, **changed))


def _distance(jobs: JobTable, cluster: Cluster, settings: PolicySettings, seed: int, first: int) -> float:
    """The distance over the jobs from row ``first`` on; infinite where too many can never run."""
    machine = settings.in_service(cluster)
    schedule = simulate(jobs, cluster=machine, policy=settings.policy, seed=seed)
    rows = np.flatnonzero(np.isin(jobs.job_id, schedule.job_id))
    counted = (rows >= first) & (jobs.wait_s[rows] != MISSING)
    if len(jobs) - len(rows) > MAX_SHARE_NOT_RUN * len(jobs) or not counted.any():
        return math.inf
    classes = size_class(held_units(schedule, Scenario(jobs, machine, settings.policy).unit))
    return wait_distance(schedule.wait_s[counted], jobs.wait_s[rows][counted], classes[counted])
