"""What holds for every schedule on nodes, whatever the log, the cluster and the policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.records import JobTable
from stellwerk.simulation import (
    OUTCOMES,
    Account,
    Cluster,
    Conservative,
    Easy,
    Executions,
    Failures,
    Fcfs,
    Maintenance,
    Multifactor,
    NodeGroup,
    Partition,
    Policy,
    Qos,
    Reservation,
    Schedule,
    Switches,
    simulate,
)
from tests.records.tables import job_table

SMALL, LARGE = NodeGroup("small", 3, 2, cores=4, memory_bytes=8), NodeGroup("large", 4, 4, cores=8, memory_bytes=16)
GROUPS = (SMALL, replace(LARGE, nodes_per_switch=2))
CAPACITY = np.array([(2, 4, 8)] * 3 + [(4, 8, 16)] * 4)
NODES = Cluster.of_nodes(GROUPS)
SLURM = Multifactor(
    weight_age=1000,
    max_age_s=50,
    weight_fair_share=2000,
    half_life_s=40,
    weight_size=300,
    weight_qos=5000,
    weight_partition=100,
    calc_interval_s=7,
    sched_interval_s=6,
    queue_depth=3,
    bf_interval_s=3,
    bf_window_s=60,
    bf_resolution_s=4,
    bf_max_job_test=8,
    bf_max_job_user=4,
)
GROUPED = replace(SLURM, bf_grouped_ends=True)
POLICIES: tuple[Policy, ...] = (Fcfs(), Easy(), Easy("arrivals_first"), Conservative(replan=True), SLURM, GROUPED)

policies = st.sampled_from(POLICIES)
# Few distinct times and sizes, so that ends, arrivals, windows and passes often coincide.
rows = st.lists(
    st.fixed_dictionaries(
        {
            "submit_s": st.integers(0, 20),
            "run_s": st.integers(1, 12),
            "requested_s": st.integers(1, 12),
            "requested_accelerators": st.integers(0, 9),
            "allocated_processors": st.integers(1, 20),
            "allocated_nodes": st.sampled_from([-1, -1, 1, 2, 3]),
            "memory_bytes": st.integers(0, 30),
            "user": st.sampled_from(["ada", "bob", "cyd"]),
            "account": st.sampled_from(["physics", "startup", "lab"]),
            "partition": st.sampled_from(["all", "big"]),
            "qos": st.sampled_from(["normal", "high", "low"]),
        }
    ),
    min_size=1,
    max_size=25,
)
PARTITIONS = (
    Partition("all", ("small", "large"), priority=1),
    Partition("big", ("large",), max_nodes=3, max_limit_s=10, priority=5),
)
QOS = (Qos("normal", 5), Qos("high", 10, preempts=("normal", "low")), Qos("low", 0, when_preempted="cancel"))
ACCOUNTS = (
    Account("science", 3),
    Account("physics", 2, "science"),
    Account("lab", 1, "science"),
    Account("startup", 1),
)
MAINTENANCE = (Maintenance(15, 5, groups=("small",)), Maintenance(30, 3, every_s=40))
RESERVATIONS = (
    Reservation("startups", accounts=("startup",), groups=("large",), nodes=1),
    Reservation("for ada", users=("ada",), share=0.5, start=10, duration_s=20),
)
EVERYTHING = replace(
    NODES,
    partitions=PARTITIONS,
    qos=QOS,
    accounts=ACCOUNTS,
    maintenance=MAINTENANCE,
    reservations=RESERVATIONS,
    failures=Failures(60, 5),
    checkpoint_s=3,
    max_restarts=20,
    switches=Switches("require", max_nodes=2),
)


@given(rows=rows, policy=policies, placement=st.sampled_from(["packed", "spread", "first"]), exclusive=st.booleans())
@settings(max_examples=60)
def test_no_node_gives_more_than_it_has(
    rows: list[dict[str, Any]], policy: Policy, placement: Any, exclusive: bool
) -> None:
    jobs = table(rows)
    schedule = simulated(jobs, replace(NODES, placement=placement, exclusive=exclusive), policy)
    check_capacity(schedule)
    check_every_job_once(jobs, schedule)
    assert schedule.restarts.sum() == schedule.lost_s.sum() == 0


@given(rows=rows, policy=policies, seed=st.integers(0, 3))
@settings(max_examples=80)
def test_all_holds_with_everything_at_once(rows: list[dict[str, Any]], policy: Policy, seed: int) -> None:
    jobs = table(rows)
    schedule = simulated(jobs, EVERYTHING, policy, seed)
    check_capacity(schedule)
    check_every_job_once(jobs, schedule)
    check_work(jobs, schedule)
    check_windows(jobs, schedule)
    check_switches(schedule)
    again = simulated(jobs, EVERYTHING, policy, seed)
    assert np.array_equal(again.start_s, schedule.start_s)
    assert np.array_equal(executions_of(again).node, executions_of(schedule).node)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 9), st.integers(1, 9), st.integers(1, 8)), min_size=1, max_size=25
    ),
    policy=st.sampled_from([Fcfs(), Easy(), Fcfs("arrivals_first"), Easy("arrivals_first")]),
)
@settings(max_examples=100)
def test_nodes_of_one_processor_are_a_pool(rows: list[tuple[int, int, int, int]], policy: Policy) -> None:
    submit_s, run_s, limit_s, processors = zip(*sorted(rows, key=lambda row: row[0]), strict=True)
    jobs = job_table(submit_s=submit_s, run_s=run_s, requested_s=limit_s, allocated_processors=processors)
    on_nodes = simulated(jobs, Cluster.of_nodes((NodeGroup("ones", 8, cores=1),)), policy)
    pooled = simulate(jobs, cluster=Cluster.pooled(8), policy=policy)
    assert on_nodes.start_s.tolist() == pooled.start_s.tolist()


@given(rows=rows)
@settings(max_examples=40)
def test_fcfs_starts_in_the_order_of_the_queue(rows: list[dict[str, Any]]) -> None:
    assert (np.diff(simulated(table(rows), NODES, Fcfs()).start_s) >= 0).all()


@pytest.mark.parametrize("placement", ["packed", "spread", "first"])
def test_where_a_small_job_goes(placement: Any) -> None:
    jobs = job_table(submit_s=[0, 1], run_s=[9, 9], requested_accelerators=[3, 1], allocated_processors=[1, 1])
    cluster = Cluster.of_nodes((NodeGroup("a", 1, 4, cores=4), NodeGroup("b", 2, 4, cores=4)), placement=placement)
    nodes = executions_of(simulated(jobs, cluster, Fcfs())).node.tolist()
    assert nodes == {"packed": [0, 0], "spread": [0, 1], "first": [0, 0]}[placement]


def test_accelerators_fill_all_nodes_but_the_last_and_the_job_starts_on_all_at_once() -> None:
    jobs = job_table(submit_s=[0, 1], run_s=[5, 9], requested_accelerators=[6, 20], allocated_processors=[1, 1])
    schedule = simulated(jobs, Cluster.of_nodes((NodeGroup("a", 3, 8, cores=8),)), Fcfs())
    assert schedule.nodes.tolist() == [1, 3]
    assert schedule.start_s.tolist() == [0, 5]
    assert executions_of(schedule).accelerators.tolist() == [6, 8, 8, 4]


def table(rows: list[dict[str, Any]]) -> JobTable:
    rows = sorted(rows, key=lambda row: row["submit_s"])
    return job_table(**{name: [row[name] for row in rows] for name in rows[0]})


def simulated(jobs: JobTable, cluster: Cluster, policy: Policy, seed: int = 0) -> Schedule:
    try:
        return simulate(jobs, cluster=cluster, policy=policy, seed=seed)
    except InputError as error:
        if "no job can run" not in str(error):
            raise
        reject()


def executions_of(schedule: Schedule) -> Executions:
    assert schedule.executions is not None
    return schedule.executions


def check_capacity(schedule: Schedule) -> None:
    runs = executions_of(schedule)
    run_of = np.repeat(np.arange(len(runs)), np.diff(runs.node_offset))
    given = np.stack([runs.accelerators, runs.cores, runs.memory_bytes], axis=1)
    for now in np.unique(runs.start_s):
        held = np.zeros_like(CAPACITY)
        now_running = (runs.start_s <= now) & (now < runs.end_s)
        np.add.at(held, runs.node[now_running[run_of]], given[now_running[run_of]])
        assert (held <= CAPACITY).all()


def check_every_job_once(jobs: JobTable, schedule: Schedule) -> None:
    left_out = [job.job_id for job in schedule.unsatisfiable]
    never_run = [job for job in left_out if job not in schedule.job_id]
    assert sorted(schedule.job_id.tolist() + never_run) == jobs.job_id.tolist()
    runs = executions_of(schedule)
    by_job = np.lexsort((runs.start_s, runs.job))
    same_job = np.diff(runs.job[by_job]) == 0
    assert (runs.start_s[by_job][1:][same_job] >= runs.end_s[by_job][:-1][same_job]).all()
    assert (schedule.start_s >= schedule.submit_s).all()
    for row in range(len(schedule)):
        mine = runs.job == row
        assert runs.start_s[mine].min() == schedule.start_s[row]
        assert runs.end_s[mine].max() == schedule.end_s[row]


def check_work(jobs: JobTable, schedule: Schedule) -> None:
    """Each second that a job ran is a second of its work or one that was lost."""
    runs = executions_of(schedule)
    run_s = dict(zip(jobs.job_id, np.minimum(jobs.run_s, jobs.limit_s), strict=True))
    ended = [OUTCOMES[code] for code in runs.outcome]
    for row in range(len(schedule)):
        mine = np.flatnonzero(runs.job == row)
        ran_s = int((runs.end_s - runs.start_s)[mine].sum())
        last = ended[mine[-1]]
        assert schedule.restarts[row] == len(mine) - 1 or last != "completed"
        if last == "completed":
            assert ran_s == run_s[schedule.job_id[row]] + schedule.lost_s[row]
        stopped_s = (runs.end_s - runs.start_s)[mine[[ended[one] != "completed" for one in mine]]]
        assert schedule.lost_s[row] == (stopped_s % 3).sum()


def check_windows(jobs: JobTable, schedule: Schedule) -> None:
    runs = executions_of(schedule)
    limit_s = dict(zip(jobs.job_id, jobs.limit_s, strict=True))
    for run in range(len(runs)):
        row = runs.job[run]
        job = schedule.job_id[row] - 1
        start_s, expected_s = runs.start_s[run], runs.start_s[run] + limit_s[schedule.job_id[row]]
        nodes = runs.node[runs.node_offset[run] : runs.node_offset[run + 1]]
        assert not meets(start_s, expected_s, 15, 20) or (nodes >= 3).all()
        assert not any(meets(start_s, expected_s, low, low + 3) for low in range(30, 3000, 40))
        if jobs.account.names[jobs.account.code[job]] != "startup":
            assert (nodes != 6).all()
        if jobs.user.names[jobs.user.code[job]] != "ada" and meets(start_s, expected_s, 10, 30):
            assert (nodes < 3).all()


def check_switches(schedule: Schedule) -> None:
    runs = executions_of(schedule)
    switch_of = np.array([0, 0, 0, 1, 1, 2, 2])
    for run in range(len(runs)):
        nodes = runs.node[runs.node_offset[run] : runs.node_offset[run + 1]]
        if len(nodes) == 2:
            assert len(set(switch_of[nodes])) == 1


def meets(start_s: int, end_s: int, low_s: int, high_s: int) -> bool:
    return bool(start_s < high_s and low_s < end_s)
