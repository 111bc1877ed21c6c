"""Partitions, preemption, failures, reservations, switch groups and multifactor priority, each in a case small enough
to be worked out by hand."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numba import njit

from stellwerk.errors import InputError
from stellwerk.simulation import (
    OUTCOMES,
    Account,
    Cluster,
    Conservative,
    Easy,
    Failures,
    Fcfs,
    Maintenance,
    Multifactor,
    NodeGroup,
    Partition,
    Qos,
    Reservation,
    Schedule,
    Switches,
    simulate,
)
from stellwerk.simulation.nodes import fair_share
from stellwerk.simulation.nodes.accounts import account_tree
from tests.records.tables import job_table


@njit
def apply_usage(tree: Any, now: int, interval_s: int, half_life_s: float) -> None:
    fair_share.apply_usage(tree, now, interval_s, half_life_s)


@njit
def apply_factors(tree: Any, classic: bool, order: Any) -> None:
    fair_share.apply_factors(tree, classic, order)


TWO = Cluster.of_nodes((NodeGroup("a", 2, 4, cores=8),))
ONE = Cluster.of_nodes((NodeGroup("a", 1, 4, cores=8),))


def test_easy_fills_the_rest_of_a_node_that_nobody_waits_for() -> None:
    # The second job waits for both nodes until 10; the third ends by then, the fourth would not.
    jobs = gpu_jobs(submit_s=[0, 1, 2, 3], run_s=[10, 5, 8, 8], gpus=[4, 8, 4, 4])
    assert simulate(jobs, cluster=TWO, policy=Easy()).start_s.tolist() == [0, 10, 2, 15]
    assert simulate(jobs, cluster=TWO, policy=Fcfs()).start_s.tolist() == [0, 10, 15, 15]


def test_conservative_backfilling_keeps_nodes_for_everybody() -> None:
    # The third has its nodes kept from 15 on; under EASY the fourth delays it.
    jobs = gpu_jobs(submit_s=[0, 1, 2, 3], run_s=[10, 5, 5, 13], gpus=[4, 8, 8, 4])
    with pytest.raises(InputError, match="conservative_replan"):
        simulate(jobs, cluster=TWO, policy=Conservative())
    assert simulate(jobs, cluster=TWO, policy=Conservative(replan=True)).start_s.tolist() == [0, 10, 15, 20]


def test_jobs_that_can_never_run_are_listed_with_line_and_reason_and_hang_nothing() -> None:
    cluster = replace(
        TWO,
        partitions=(Partition("p", ("a",), max_limit_s=50, max_nodes=1),),
        qos=(Qos("normal"),),
        accounts=(Account("lab"),),
        maintenance=(Maintenance(0, 5, every_s=40),),
    )
    jobs = job_table(
        submit_s=[0] * 8,
        run_s=[1, 60, 1, 1, 1, 1, 40, 1],
        requested_accelerators=[1, 1, 8, 9, 1, 1, 1, 1],
        allocated_processors=[1] * 8,
        partition=["p", "p", "p", "p", "q", "p", "p", "p"],
        qos=["normal", "normal", "normal", "normal", "normal", "best", "normal", "normal"],
        account=["lab"] * 7 + ["office"],
    )
    schedule = simulate(jobs, cluster=cluster, policy=Easy())
    assert schedule.job_id.tolist() == [1]
    assert schedule.start_s.tolist() == [5]
    assert [(job.job_id, job.line, job.reason) for job in schedule.unsatisfiable] == [
        (2, 12, "longer_than_the_partition_allows"),
        (3, 13, "more_nodes_than_the_partition_allows"),
        (4, 14, "more_nodes_than_the_partition_allows"),
        (5, 15, "unknown_partition"),
        (6, 16, "unknown_qos"),
        (7, 17, "kept_out_by_windows"),
        (8, 18, "unknown_account"),
    ]
    assert simulate(jobs, cluster=cluster, policy=Easy(), unknown="default").job_id.tolist() == [1, 5, 6, 8]
    with pytest.raises(InputError, match=r"line 15: job 5 names a partition that the cluster does not have"):
        simulate(jobs, cluster=cluster, policy=Easy(), unknown="refuse")


def test_a_log_of_which_no_job_can_run_is_refused() -> None:
    with pytest.raises(InputError, match=r"excerpt.swf: line 11: no job can run on the cluster: more than the machine"):
        simulate(gpu_jobs(submit_s=[0], run_s=[1], gpus=[9]), cluster=TWO, policy=Easy())


def test_a_date_needs_a_log_that_has_one() -> None:
    start = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    cluster = replace(TWO, maintenance=(Maintenance(start, 3600),))
    jobs = gpu_jobs(submit_s=[0], run_s=[7200], gpus=[1])
    with pytest.raises(InputError, match=r"maintenance.start: the log does not say at what date it begins"):
        simulate(jobs, cluster=cluster, policy=Easy())
    dated = replace(jobs, zero=start - datetime.timedelta(hours=1))
    assert simulate(dated, cluster=cluster, policy=Easy()).start_s.tolist() == [7200]


@pytest.mark.parametrize(("checkpoint_s", "lost_s", "end_s"), [(None, 7, 24), (3, 1, 18), (100, 7, 24)])
def test_a_preempted_job_goes_on_from_its_last_checkpoint(checkpoint_s: int | None, lost_s: int, end_s: int) -> None:
    cluster = replace(ONE, qos=(Qos("normal"), Qos("high", preempts=("normal",))), checkpoint_s=checkpoint_s)
    jobs = gpu_jobs(submit_s=[0, 7], run_s=[12, 5], gpus=[4, 4], qos=["normal", "high"])
    schedule = simulate(jobs, cluster=cluster, policy=Fcfs())
    assert schedule.start_s.tolist() == [0, 7]
    assert schedule.end_s.tolist() == [end_s, 12]
    assert schedule.lost_s.tolist() == [lost_s, 0]
    assert schedule.restarts.tolist() == [1, 0]
    assert outcomes(schedule) == ["preempted", "completed", "completed"]


def test_what_is_not_in_the_way_is_not_stopped_and_nothing_is_stopped_in_vain() -> None:
    qos = (Qos("normal"), Qos("high", preempts=("normal",)), Qos("firm"))
    cluster = replace(TWO, qos=qos)
    # Two GPUs of node 0 and all of node 1 are in use; the job that may preempt needs two: there is room.
    jobs = gpu_jobs(submit_s=[0, 0, 1], run_s=[9, 9, 3], gpus=[2, 4, 2], qos=["normal", "normal", "high"])
    assert simulate(jobs, cluster=cluster, policy=Fcfs()).restarts.tolist() == [0, 0, 0]
    # It needs both nodes, and one is held by a job that it may not stop.
    jobs = gpu_jobs(submit_s=[0, 0, 1], run_s=[9, 9, 3], gpus=[4, 4, 8], qos=["normal", "firm", "high"])
    schedule = simulate(jobs, cluster=cluster, policy=Fcfs())
    assert schedule.restarts.tolist() == [0, 0, 0]
    assert schedule.start_s.tolist() == [0, 0, 9]


def test_a_job_may_be_cancelled_when_it_is_preempted() -> None:
    qos = (Qos("low", when_preempted="cancel"), Qos("high", preempts=("low",)), Qos("safe", when_preempted="off"))
    jobs = gpu_jobs(submit_s=[0, 4], run_s=[9, 3], gpus=[4, 4], qos=["low", "high"])
    schedule = simulate(jobs, cluster=replace(ONE, qos=qos), policy=Easy())
    assert outcomes(schedule) == ["cancelled", "completed"]
    assert schedule.end_s.tolist() == [4, 7]
    assert schedule.unsatisfiable == ()


def test_a_node_that_fails_stops_its_jobs_and_a_job_stopped_too_often_is_given_up() -> None:
    jobs = gpu_jobs(submit_s=[0], run_s=[100_000], gpus=[8])
    failing = replace(TWO, failures=Failures(5000, 50), max_restarts=1000)
    schedule = simulate(jobs, cluster=replace(failing, checkpoint_s=10), policy=Fcfs(), seed=3)
    assert set(outcomes(schedule)[:-1]) == {"node_failed"}
    assert schedule.restarts[0] == len(outcomes(schedule)) - 1 > 5
    other = simulate(jobs, cluster=replace(failing, checkpoint_s=10), policy=Fcfs(), seed=4)
    assert other.end_s[0] != schedule.end_s[0]
    given_up = simulate(jobs, cluster=replace(failing, max_restarts=4), policy=Fcfs())
    assert [job.reason for job in given_up.unsatisfiable] == ["restarted_too_often"]
    assert given_up.restarts.tolist() == [4]


def test_a_share_of_the_machine_is_kept_for_an_account_and_those_below_it() -> None:
    cluster = replace(
        TWO,
        accounts=(Account("startup"), Account("seed", parent="startup"), Account("lab")),
        reservations=(Reservation("r", accounts=("startup",), share=0.5),),
    )
    jobs = gpu_jobs(submit_s=[0, 0, 0], run_s=[9, 9, 9], gpus=[4, 4, 4], account=["lab", "lab", "seed"])
    schedule = simulate(jobs, cluster=cluster, policy=Easy())
    assert schedule.start_s.tolist() == [0, 9, 0]
    assert schedule.executions is not None
    assert schedule.executions.node.tolist() == [0, 1, 0]


def test_a_day_for_the_full_machine_admits_only_large_jobs() -> None:
    day = Reservation("full machine", min_nodes=2, start=10, duration_s=10)
    jobs = gpu_jobs(submit_s=[0, 2, 3], run_s=[9, 5, 5], gpus=[4, 4, 8])
    assert simulate(jobs, cluster=replace(TWO, reservations=(day,)), policy=Easy()).start_s.tolist() == [0, 2, 9]
    jobs = gpu_jobs(submit_s=[5, 6], run_s=[6, 6], gpus=[4, 8])
    assert simulate(jobs, cluster=replace(TWO, reservations=(day,)), policy=Easy()).start_s.tolist() == [20, 6]


@pytest.mark.parametrize(
    ("switches", "start_s"),
    [
        (Switches("anywhere"), [0, 0, 1]),
        (Switches("require"), [0, 0, 9]),
        (Switches("prefer", max_wait_s=4), [0, 0, 5]),
    ],
)
def test_a_job_waits_for_one_switch_group_as_long_as_the_rule_says(switches: Switches, start_s: list[int]) -> None:
    cluster = Cluster.of_nodes((NodeGroup("a", 2, 2, cores=8), NodeGroup("b", 2, 1, cores=8)))
    jobs = job_table(
        submit_s=[0, 0, 1],
        run_s=[20, 9, 3],
        requested_accelerators=[2, 1, 2],
        allocated_nodes=[1, 1, 2],
        allocated_processors=[1, 1, 2],
    )
    # The first job takes a node of a, the second one of b: one is left in each switch group until 9.
    cluster = replace(cluster, switches=switches)
    assert simulate(jobs, cluster=cluster, policy=Fcfs()).start_s.tolist() == start_s


def test_a_higher_qos_starts_first_and_age_decides_among_equals() -> None:
    qos = (Qos("low", 0), Qos("high", 10))
    jobs = gpu_jobs(submit_s=[0, 1, 2, 3], run_s=[10] * 4, gpus=[4] * 4, qos=["low", "low", "low", "high"])
    policy = Multifactor(weight_qos=1000, weight_age=10, max_age_s=100)
    schedule = simulate(jobs, cluster=replace(ONE, qos=qos), policy=policy)
    assert schedule.start_s.tolist() == [0, 20, 30, 10]


def test_who_has_used_less_of_the_share_goes_first() -> None:
    jobs = gpu_jobs(submit_s=[0, 1, 2], run_s=[400, 400, 400], gpus=[4] * 3, user=["ada", "ada", "bob"])
    schedule = simulate(jobs, cluster=ONE, policy=Multifactor(weight_fair_share=1000))
    assert schedule.start_s.tolist() == [0, 800, 400]
    assert simulate(jobs, cluster=ONE, policy=Multifactor()).start_s.tolist() == [0, 400, 800]


def test_the_backfill_pass_keeps_its_beat_and_its_window() -> None:
    # Job 2 waits for both nodes until 100; job 3 fits beside it and starts with the next backfill pass.
    jobs = gpu_jobs(submit_s=[0, 1, 2, 3], run_s=[100, 10, 50, 500], gpus=[4, 8, 4, 4])
    policy = Multifactor(bf_interval_s=30, bf_resolution_s=1)
    assert simulate(jobs, cluster=TWO, policy=policy).start_s.tolist() == [0, 100, 30, 110]
    # Nothing is kept for what starts later than the window.
    blind = replace(policy, bf_window_s=5)
    assert simulate(jobs, cluster=TWO, policy=blind).start_s.tolist() == [0, 590, 30, 90]


def test_usage_decays_by_its_half_life_and_adds_up_over_the_tree() -> None:
    cluster = replace(ONE, accounts=(Account("science", 3), Account("lab", 1, "science"), Account("startup", 1)))
    jobs = gpu_jobs(submit_s=[0, 0, 0], run_s=[1] * 3, gpus=[1] * 3, user=["a", "b", "a"],
                    account=["lab", "lab", "startup"])  # fmt: skip
    tree, user = account_tree(jobs, cluster)
    assert np.unique(user).size == 3
    tree["rate"][user] = [4, 0, 2]
    apply_usage(tree, 100, 100, 100.0)
    assert tree["usage"][user].tolist() == [400, 0, 200]
    assert tree["usage"][0] == 600
    tree["rate"] = 0
    for now in range(200, 400, 100):
        apply_usage(tree, now, 100, 100.0)
    assert tree["usage"][user].tolist() == [100, 0, 50]
    parents = tree["parent"][1:]
    for row in np.unique(parents):
        assert tree["usage"][row] == tree["usage"][1:][parents == row].sum()


def test_fair_tree_ranks_the_account_before_the_user() -> None:
    cluster = replace(ONE, accounts=(Account("large", 3), Account("small", 1)))
    jobs = gpu_jobs(submit_s=[0] * 4, run_s=[1] * 4, gpus=[1] * 4, user=["a", "b", "c", "d"],
                    account=["large", "large", "small", "small"])  # fmt: skip
    tree, user = account_tree(jobs, cluster)
    tree["rate"][user] = [50, 10, 5, 35]  # large: 60% used of 75% due; small: 40% of 25%
    apply_usage(tree, 1, 1, 0.0)
    apply_factors(tree, False, np.zeros(len(tree), np.int64))
    assert tree["factor"][user].tolist() == [0.75, 1.0, 0.5, 0.25]
    apply_factors(tree, True, np.zeros(len(tree), np.int64))
    # Slurm's classic formula: user a has effectively used 50% + (60% - 50%) / 2 of 37.5% due.
    assert tree["factor"][user][0] == pytest.approx(2 ** (-0.55 / 0.375))


def gpu_jobs(*, submit_s: list[int], run_s: list[int], gpus: list[int], **columns: Any) -> Any:
    return job_table(
        submit_s=submit_s,
        run_s=run_s,
        requested_s=run_s,
        requested_accelerators=gpus,
        allocated_processors=[1] * len(gpus),
        **columns,
    )


def outcomes(schedule: Schedule) -> list[str]:
    assert schedule.executions is not None
    return [OUTCOMES[code] for code in schedule.executions.outcome]
