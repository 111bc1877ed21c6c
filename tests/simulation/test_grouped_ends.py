"""Slurm's backfill takes running jobs to end in groups: a plan lies later than it need, and others get into the gap."""

from __future__ import annotations

import pytest

from stellwerk.simulation import Cluster, Multifactor, NodeGroup, simulate
from tests.records.tables import job_table

NODES = Cluster.of_nodes((NodeGroup("n", 3, 8),), processor_is="node")
EACH_SECOND = {"bf_interval_s": 1, "bf_resolution_s": 1}


@pytest.mark.parametrize(("gap_s", "grouped", "start_s"), [(25, False, 120), (25, True, 2), (35, True, 120)])
def test_a_job_gets_before_a_plan_that_waits_for_the_last_of_its_group(gap_s: int, grouped: bool, start_s: int) -> None:
    """Two nodes are free at 100 and ``gap_s`` later. The third job needs two, the third node's and the first's; the
    fourth would run until 112 on the third: after the plan for 100, before that for the end of the group."""
    jobs = job_table(
        submit_s=[0, 0, 1, 2],
        run_s=[100, 100 + gap_s, 20, 110],
        requested_s=[100, 100 + gap_s, 20, 110],
        requested_nodes=[1, 1, 2, 1],
    )
    policy = Multifactor(bf_grouped_ends=grouped, **EACH_SECOND)
    assert simulate(jobs, cluster=NODES, policy=policy).start_s[3] == start_s
