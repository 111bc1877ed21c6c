from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stellwerk.errors import InputError
from stellwerk.measures.changes import parse_change
from stellwerk.measures.job_changes import compress_arrivals, cut_at_limit
from stellwerk.measures.scenario import Scenario, apply_changes
from stellwerk.simulation import Cluster, Easy, Failures, Fcfs, Multifactor, NodeGroup, Partition
from tests.measures.logs import some_jobs
from tests.records.tables import labels

GROUPS = (NodeGroup("gpu", 10, accelerators=4, cores=64), NodeGroup("cpu", 20, cores=128))
NODES = replace(
    Cluster.of_nodes(GROUPS),
    partitions=(Partition("batch", ("gpu", "cpu"), max_limit_s=172_800),),
)
HOUR_S = 3_600


def _after(*changes: str, cluster: Cluster = NODES) -> Scenario:
    return apply_changes(Scenario(some_jobs(), cluster, Easy()), [parse_change(change) for change in changes])


@pytest.mark.parametrize(
    ("change", "nodes"),
    [
        ("nodes+5", [15, 25]),
        ("nodes:gpu+5", [15, 20]),
        ("nodes-10%", [9, 18]),
        ("nodes:cpu+100%", [10, 40]),
    ],
)
def test_nodes_are_added_to_every_group_or_to_one(change: str, nodes: list[int]) -> None:
    cluster = _after(change).cluster
    assert [group.nodes for group in cluster.groups] == nodes
    assert cluster.processors == nodes[0] * 64 + nodes[1] * 128


def test_pooled_processors_are_added() -> None:
    assert _after("processors+28", cluster=Cluster.pooled(100)).cluster.processors == 128


def test_changes_come_one_after_the_other() -> None:
    assert [group.nodes for group in _after("nodes+10", "nodes+100%").cluster.groups] == [40, 60]


def test_a_policy_is_replaced_and_its_parameters_keep_their_kind() -> None:
    assert _after("policy=fcfs").policy == Fcfs()
    changes = (
        "policy=multifactor",
        "policy.bf_max_job_test=77",
        "policy.favour_small=yes",
        "policy.fair_share=classic",
    )
    assert _after(*changes).policy == Multifactor(bf_max_job_test=77, favour_small=True, fair_share="classic")


def test_a_share_is_reserved_for_an_account() -> None:
    (reservation,) = _after("reserve=startup:10%").cluster.reservations
    assert (reservation.accounts, reservation.users, reservation.share) == (("startup",), (), 0.1)


def test_a_share_is_reserved_for_a_user_where_no_account_has_that_name() -> None:
    (reservation,) = _after("reserve=bob:20%").cluster.reservations
    assert (reservation.accounts, reservation.users) == ((), ("bob",))


def test_groups_are_accounts_or_else_users() -> None:
    assert _after().groups.names == ("climate", "startup")
    jobs = replace(some_jobs(), account=labels([None] * 4))
    assert Scenario(jobs, NODES, Easy()).groups.names == ("ada", "bob", "cyd")


def test_failures_and_checkpoints_follow_the_change() -> None:
    assert _after("failures=2000/4").cluster.failures == Failures(2000 * HOUR_S, 4 * HOUR_S)
    failing = replace(NODES, failures=Failures(1.0, 2.0))
    assert _after("failures=1000", cluster=failing).cluster.failures == Failures(1000 * HOUR_S, 2.0)
    assert _after("failures=never", cluster=failing).cluster.failures is None
    assert _after("checkpoint=2").cluster.checkpoint_s == 2 * HOUR_S


def test_only_failures_are_drawn_at_random() -> None:
    assert not _after("nodes+1").is_random
    assert _after("failures=2000/4").is_random


def test_sizes_count_what_the_machine_is_made_of() -> None:
    assert (_after().unit, _after().capacity) == ("accelerators", 40)
    pooled = _after(cluster=Cluster.pooled(100))
    assert (pooled.unit, pooled.capacity) == ("processors", 100)
    of_nodes = _after(cluster=Cluster.of_nodes((NodeGroup("cpu", 7, cores=1),)))
    assert (of_nodes.unit, of_nodes.capacity) == ("nodes", 7)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("nodes:gpv+1", r"no such group of nodes \(got 'gpv'\); allowed: gpu, cpu; did you mean 'gpu'"),
        ("nodes-20", "leaves none of 10"),
        ("processors+1", "the cluster is made of nodes"),
        ("policy=esay", "--change policy=esay: unknown policy .*did you mean 'easy'"),
        ("policy.bf_window=1", "--change policy.bf_window=1: Easy has no such parameter"),
        ("policy.order=sideways", "is unknown .*allowed: ends_first, arrivals_first"),
        ("reserve=startups:10%", "knows no such account or user .*did you mean 'startup'"),
        ("failures=2000", "says nothing of the time to repair"),
    ],
)
def test_a_change_that_the_cluster_does_not_admit_is_named(change: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        _after(change)


@pytest.mark.parametrize("change", ["nodes+1", "reserve=startup:10%", "failures=never", "checkpoint=1"])
def test_pooled_processors_have_no_nodes(change: str) -> None:
    with pytest.raises(InputError, match="needs a cluster of nodes"):
        _after(change, cluster=Cluster.pooled(100))


def test_parameters_of_the_wrong_kind_are_named() -> None:
    wrong = {
        "policy.bf_window_s=soon": "a whole number from 1",
        "policy.bf_resolution_s=0": "a whole number from 1",
        "policy.queue_depth=-1": "a whole number from 0",
        "policy.favour_small=2": "true nor false",
    }
    for change, said in wrong.items():
        with pytest.raises(InputError, match=said):
            _after("policy=multifactor", change)


def test_load_brings_the_same_jobs_in_less_time() -> None:
    jobs = some_jobs()
    faster = compress_arrivals(jobs, 2.0)
    assert faster.submit_s.tolist() == [5, 5 + 50, 5 + 100, 5 + 150]
    assert faster.eligible_s.tolist() == [5, -1, 5 + 100, 5 + 150]
    assert faster.run_s is jobs.run_s


def test_a_job_longer_than_the_limit_goes_on_in_parts() -> None:
    jobs = some_jobs(run_s=(HOUR_S, 2 * HOUR_S + 10, 60, 2 * HOUR_S), requested_s=(4 * HOUR_S, 5 * HOUR_S, 60, -1))
    cut = cut_at_limit(jobs, HOUR_S)
    assert cut.line.tolist() == [11, 12, 13, 14, 12, 14, 12]
    assert cut.run_s.tolist() == [HOUR_S, HOUR_S, 60, HOUR_S, HOUR_S, HOUR_S, 10]
    assert np.diff(cut.submit_s).min() >= 0
    assert cut.limit_s.max() == HOUR_S
    assert len(set(cut.job_id.tolist())) == len(cut)
    assert int(cut.run_s @ cut.processors) == int(jobs.run_s @ jobs.processors)


def test_a_limit_that_no_job_reaches_changes_only_what_they_ask_for() -> None:
    jobs = some_jobs()
    cut = cut_at_limit(jobs, 100 * HOUR_S)
    assert cut.job_id.tolist() == jobs.job_id.tolist()
    assert cut.run_s.tolist() == jobs.run_s.tolist()


def test_the_limit_holds_for_partitions_too() -> None:
    assert _after("limit=24").cluster.partitions[0].max_limit_s == 24 * HOUR_S
