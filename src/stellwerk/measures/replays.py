"""Replaying a scenario: one outcome for what is, one for each change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stellwerk.measures.changes import Change
from stellwerk.measures.indicators import held_s, held_units, indicators
from stellwerk.measures.outcome import Outcome, Replay, outcome_of
from stellwerk.measures.scenario import Scenario, apply_changes
from stellwerk.simulation import Schedule, simulate


def evaluate(base: Scenario, changes: Sequence[Change] = (), *, seeds: Sequence[int] = (0,)) -> Outcome:
    """What becomes of the base's jobs after the changes; one replay where nothing is drawn at random, else one per
    seed.

    Raises InputError for a change that the base does not admit and as ``simulate`` does.
    """
    scenario = apply_changes(base, changes)
    drawn = tuple(seeds) if scenario.is_random else tuple(seeds[:1])
    schedules = [simulate(scenario.jobs, cluster=scenario.cluster, policy=scenario.policy, seed=seed) for seed in drawn]
    return outcome_of(
        [_replay(scenario, schedule) for schedule in schedules],
        scenario.groups.names,
        changes=tuple(change.text for change in changes),
        seeds=drawn if scenario.is_random else (),
        unit=scenario.unit,
        capacity=scenario.capacity,
    )


def what_if(
    base: Scenario, changes: Sequence[Change], *, seeds: Sequence[int] = (0,), each: bool = False
) -> tuple[Outcome, ...]:
    """As it is, then (with ``each``, where there are several) every change alone, then all changes together."""
    alone = [(change,) for change in changes] if each and len(changes) > 1 else []
    return tuple(evaluate(base, chosen, seeds=seeds) for chosen in ((), *alone, tuple(changes)))


def _replay(scenario: Scenario, schedule: Schedule) -> Replay:
    jobs = scenario.jobs
    by_id = np.argsort(jobs.job_id, kind="stable")
    row = by_id[np.searchsorted(jobs.job_id[by_id], schedule.job_id)]
    return Replay(
        submit_s=schedule.submit_s,
        start_s=schedule.start_s,
        run_s=held_s(schedule),
        end_s=schedule.end_s,
        units=held_units(schedule, scenario.unit),
        group=scenario.groups.code[row],
        whole=indicators(schedule, processors=scenario.capacity, unit=scenario.unit),
    )
