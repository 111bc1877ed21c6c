"""A fit finds the policy that made the waits of a log, and judges it by jobs that it was not fitted to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stellwerk.errors import InputError
from stellwerk.measures import fit_policy, wait_distance
from stellwerk.records import MISSING, JobTable
from stellwerk.simulation import Cluster, Easy, Fcfs, Policy, simulate
from tests.records.tables import job_table


def queue_of(jobs: int, seed: int) -> JobTable:
    """Jobs of 1 to 32 processors that ask for more than 100 processors give."""
    draw = np.random.default_rng(seed)
    run_s = draw.integers(60, 7_200, jobs)
    return job_table(
        submit_s=np.sort(draw.integers(0, jobs * 500, jobs)),
        run_s=run_s,
        requested_s=run_s * draw.integers(1, 4, jobs),
        requested_processors=2 ** draw.integers(0, 6, jobs),
    )


def recorded_under(policy: Policy, processors: int) -> JobTable:
    jobs = queue_of(400, seed=5)
    schedule = simulate(jobs, cluster=Cluster.pooled(processors), policy=policy)
    return replace(jobs, wait_s=schedule.wait_s)


@pytest.mark.parametrize(("name", "policy"), [("easy", Easy()), ("fcfs", Fcfs())])
def test_the_policy_and_the_machine_that_made_the_waits_are_found(name: str, policy: Policy) -> None:
    fit = fit_policy(recorded_under(policy, 90), Cluster.pooled(100), tries=60)
    assert (fit.best.settings.name, fit.best.settings.out_of_service) == (name, 0.1)
    assert fit.best.distance == fit.best.held_out_distance == 0
    assert (fit.fitted_jobs, fit.held_out_jobs) == (260, 120)


def test_candidates_come_nearest_first_and_the_kinds_as_they_are_are_judged_as_well() -> None:
    fit = fit_policy(recorded_under(Easy(), 90), Cluster.pooled(100), tries=30)
    distances = [candidate.distance for candidate in fit.candidates]
    assert distances == sorted(distances)
    assert len({candidate.settings for candidate in fit.candidates}) == len(fit.candidates) == 30
    as_they_are = [candidate for candidate in fit.candidates if candidate.settings.out_of_service == 0]
    assert {"easy", "fcfs", "conservative"} <= {candidate.settings.name for candidate in as_they_are}
    assert all(candidate.held_out_distance is not None for candidate in as_they_are)


def test_a_seed_draws_the_same_search_and_a_search_can_be_ended() -> None:
    jobs, machine = recorded_under(Easy(), 90), Cluster.pooled(100)
    first, second, other = (fit_policy(jobs, machine, tries=12, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other
    assert len(fit_policy(jobs, machine, go_on=lambda: False).candidates) == 4  # each kind as it is


def test_a_machine_on_which_jobs_can_never_run_is_no_candidate() -> None:
    jobs = recorded_under(Easy(), 100)
    whole = replace(jobs, requested_processors=np.where(np.arange(len(jobs)) % 50, jobs.requested_processors, 100))
    fit = fit_policy(whole, Cluster.pooled(100), tries=30)
    assert fit.best.settings.out_of_service == 0
    assert {candidate.distance for candidate in fit.candidates if candidate.settings.out_of_service} == {np.inf}


def test_the_distance_is_in_decades_within_each_class() -> None:
    recorded = np.array([40, 540, 5940, 40])
    assert wait_distance(recorded, recorded, np.zeros(4)) == 0
    assert wait_distance(recorded * 10 + 540, recorded, np.zeros(4)) == pytest.approx(1)
    # The same waits, but of the jobs of the other size: nothing of it shows without the classes.
    swapped, classes = recorded[[1, 0, 2, 3]], np.array([0, 1, 2, 2])
    assert wait_distance(swapped, recorded, np.zeros(4)) == 0
    assert wait_distance(swapped, recorded, classes) == pytest.approx(2 * np.log10(600 / 100) / 4)


@pytest.mark.parametrize("jobs", [queue_of(400, 1), recorded_under(Easy(), 100).take(np.arange(20))])
def test_a_log_without_waits_or_with_few_jobs_is_refused(jobs: JobTable) -> None:
    assert len(jobs) == 20 or (jobs.wait_s == MISSING).all()
    with pytest.raises(InputError, match=r"records no waits|too few"):
        fit_policy(jobs, Cluster.pooled(100))
