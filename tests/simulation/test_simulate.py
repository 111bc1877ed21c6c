from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk import simulation
from stellwerk.errors import InputError
from stellwerk.records import JobTable, read_swf, replayable
from stellwerk.simulation import Cluster, Schedule, policy_named, read_schedule
from tests.records.tables import job_table
from tests.simulation.textbook import Job, textbook_starts

LOGS = Path(__file__).parents[1] / "data/swf"
EXCERPT = LOGS / "kth-sp2-1996-first-2500.swf.gz"
MACHINE = 8

# Few distinct times and sizes, so that ends, arrivals and shadows often coincide.
requests = st.lists(
    st.tuples(
        st.integers(0, 12),  # submit
        st.integers(1, 9),  # run
        st.integers(1, 9),  # limit
        st.integers(1, MACHINE),  # processors
    ),
    min_size=1,
    max_size=25,
)
POLICIES = ("fcfs", "easy", "conservative", "conservative_replan")
policies = st.sampled_from(POLICIES)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_kth_excerpt_is_scheduled_as_the_textbook_says(policy: str) -> None:
    schedule = simulate(replayable(read_swf(EXCERPT)), processors=100, policy=policy)
    expected = read_schedule(LOGS / f"kth-sp2-1996-first-2500.{policy}.csv.gz")
    for column in ("job_id", "submit_s", "start_s", "end_s", "processors"):
        assert np.array_equal(getattr(schedule, column), getattr(expected, column)), column


@given(rows=requests, policy=policies)
@settings(max_examples=150)
def test_any_log_is_scheduled_as_the_textbook_says(rows: list[tuple[int, int, int, int]], policy: str) -> None:
    jobs = table(rows)
    textbook = [
        Job(number, submit, min(run, limit), limit, processors)
        for number, (submit, run, limit, processors) in enumerate(sorted(rows, key=lambda row: row[0]))
    ]
    schedule = simulate(jobs, processors=MACHINE, policy=policy)
    assert schedule.start_s.tolist() == textbook_starts(textbook, MACHINE, policy)


@given(rows=requests, policy=policies)
@settings(max_examples=60)
def test_every_job_runs_once_after_its_submission_and_for_its_time(
    rows: list[tuple[int, int, int, int]], policy: str
) -> None:
    jobs = table(rows)
    schedule = simulate(jobs, processors=MACHINE, policy=policy)
    assert schedule.job_id.tolist() == jobs.job_id.tolist()
    assert (schedule.wait_s >= 0).all()
    assert schedule.run_s.tolist() == np.minimum(jobs.run_s, jobs.limit_s).tolist()


@given(rows=requests, policy=policies)
@settings(max_examples=60)
def test_the_machine_is_never_over_allocated(rows: list[tuple[int, int, int, int]], policy: str) -> None:
    schedule = simulate(table(rows), processors=MACHINE, policy=policy)
    for now in schedule.start_s:
        assert schedule.processors[running_at(schedule, now)].sum() <= MACHINE


@given(rows=requests)
@settings(max_examples=60)
def test_fcfs_starts_in_the_order_of_the_queue(rows: list[tuple[int, int, int, int]]) -> None:
    schedule = simulate(table(rows), processors=MACHINE, policy="fcfs")
    assert (np.diff(schedule.start_s) >= 0).all()


@given(rows=requests)
@settings(max_examples=60)
def test_easy_never_delays_the_head_beyond_its_shadow(rows: list[tuple[int, int, int, int]]) -> None:
    jobs = table(rows)
    schedule = simulate(jobs, processors=MACHINE, policy="easy")
    for now in sorted({*schedule.submit_s, *schedule.end_s}):
        waiting = np.flatnonzero((schedule.submit_s <= now) & (schedule.start_s > now))
        if len(waiting):
            head = waiting[0]
            assert schedule.start_s[head] <= shadow_s(jobs, schedule, now, head)


def test_easy_fills_a_gap_that_fcfs_leaves_open() -> None:
    blocked_head = [(0, 10, 10, 6), (1, 5, 5, 8), (2, 3, 8, 2)]
    assert simulate(table(blocked_head), processors=MACHINE, policy="fcfs").start_s.tolist() == [0, 10, 15]
    assert simulate(table(blocked_head), processors=MACHINE, policy="easy").start_s.tolist() == [0, 10, 2]


def test_jobs_expected_to_end_together_are_added_together_before_the_extra_is_counted() -> None:
    # At 10 s both running jobs leave: 5 are free, the head takes 3, so the last job may hold 1 beyond that time.
    two_run_head_waits = [(0, 10, 10, 2), (0, 10, 10, 2), (1, 5, 5, 3), (2, 50, 50, 1)]
    assert simulate(table(two_run_head_waits), processors=5, policy="easy").start_s.tolist() == [0, 0, 10, 2]


def test_a_job_ends_at_its_limit() -> None:
    assert simulate(table([(0, 9, 4, 1)]), processors=1, policy="easy").end_s.tolist() == [4]


def test_submit_times_need_not_start_at_zero() -> None:
    schedule = simulate(table([(10**9, 5, 5, 1), (10**9, 5, 5, 1)]), processors=1, policy="easy")
    assert schedule.start_s.tolist() == [10**9, 10**9 + 5]


def test_jobs_larger_than_the_machine_are_listed_with_their_lines_and_the_others_run() -> None:
    schedule = simulate(table([(0, 1, 1, 8), (0, 1, 1, 9), (0, 1, 1, 10)]), processors=8, policy="easy")
    assert schedule.job_id.tolist() == [1]
    assert [(job.job_id, job.line, job.reason) for job in schedule.unsatisfiable] == [
        (2, 12, "more_processors_than_the_machine"),
        (3, 13, "more_processors_than_the_machine"),
    ]


def test_a_log_without_a_job_that_fits_is_refused() -> None:
    with pytest.raises(InputError, match=r"excerpt.swf: line 11: no job fits the machine: job 1 needs more"):
        simulate(table([(0, 1, 1, 9)]), processors=8, policy="easy")


@pytest.mark.parametrize("processors", [0, -1, 10**12])
def test_a_machine_of_impossible_size_is_refused(processors: int) -> None:
    with pytest.raises(InputError, match="processors: no size of a machine"):
        simulate(table([(0, 1, 1, 1)]), processors=processors, policy="fcfs")


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'easy'"):
        simulate(table([(0, 1, 1, 1)]), processors=1, policy="eazy")


def simulate(jobs: JobTable, *, processors: int, policy: str) -> Schedule:
    return simulation.simulate(jobs, cluster=Cluster.pooled(processors), policy=policy_named(policy))


def table(rows: list[tuple[int, int, int, int]]) -> JobTable:
    """A table of jobs numbered from 1 that stand from line 11 on."""
    submit_s, run_s, limit_s, processors = np.array(sorted(rows, key=lambda row: row[0]), np.int64).T.copy()
    return job_table(submit_s=submit_s, run_s=run_s, requested_s=limit_s, allocated_processors=processors)


def running_at(schedule: Schedule, now: int) -> np.ndarray:
    return (schedule.start_s <= now) & (now < schedule.end_s)


def shadow_s(jobs: JobTable, schedule: Schedule, now: int, head: int) -> int:
    """The earliest time by which the jobs running now leave room for the head if each uses its whole limit."""
    running = running_at(schedule, now)
    expected_ends_s = schedule.start_s + jobs.limit_s
    for time_s in sorted({now, *expected_ends_s[running].tolist()}):
        if MACHINE - schedule.processors[running & (expected_ends_s > time_s)].sum() >= schedule.processors[head]:
            return time_s
    raise AssertionError("the head fits an empty machine")


def test_a_log_that_counts_nodes_alone_is_replayed_on_as_many_pooled_ones() -> None:
    columns = {"submit_s": [0, 0, 0], "run_s": [10, 10, 10], "requested_s": [10, 10, 10]}
    machine, policy = Cluster.pooled(4), policy_named("fcfs")
    schedule = simulation.simulate(job_table(requested_nodes=[3, 3, 1], **columns), cluster=machine, policy=policy)
    assert list(schedule.start_s) == [0, 10, 10]
    assert list(schedule.processors) == [3, 3, 1]


def test_a_job_of_unknown_size_is_not_replayed_as_none() -> None:
    jobs = job_table(submit_s=[0, 0], run_s=[10, 10], requested_processors=[3, -1], requested_accelerators=[3, 8])
    with pytest.raises(InputError, match=r"line 12: job 2 does not say how many processors it needs"):
        simulation.simulate(jobs, cluster=Cluster.pooled(4), policy=policy_named("easy"))
