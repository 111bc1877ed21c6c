from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stellwerk.measures import Scenario, evaluate, parse_change
from stellwerk.simulation import Cluster, Easy, Failures, NodeGroup
from tests.records.tables import job_table

HOUR_S = 3_600
CLUSTER = Cluster.of_nodes((NodeGroup("gpu", 4, accelerators=8, cores=64),), processor_is="accelerator")
JOBS = job_table(
    submit_s=np.arange(40) * 600,
    run_s=np.full(40, HOUR_S),
    requested_s=np.full(40, 2 * HOUR_S),
    requested_accelerators=np.tile([8, 4, 16, 2], 10),
    account=["startup", "climate"] * 20,
    user=["ada"] * 40,
)


@pytest.fixture
def base() -> Scenario:
    return Scenario(JOBS, CLUSTER, Easy())


def test_sizes_and_hours_count_accelerators(base: Scenario) -> None:
    found = evaluate(base)
    assert (found.unit, found.capacity) == ("accelerators", 32)
    assert [(one.largest, one.found.jobs, one.found.unit_hours) for one in found.by_size[0]] == [
        (2, 10, 20),
        (4, 10, 40),
        (8, 10, 80),
        (16, 10, 160),
    ]
    assert [(one.name, one.unit_hours) for one in found.by_group[0]] == [("climate", 60), ("startup", 240)]


def test_more_nodes_shorten_the_wait(base: Scenario) -> None:
    before, after = evaluate(base), evaluate(base, [parse_change("nodes+2")])
    assert after.capacity == 48
    assert after.whole[0].mean_wait_s < before.whole[0].mean_wait_s


def test_a_reserved_share_serves_its_group_and_costs_the_others(base: Scenario) -> None:
    def wait_s(*changes: str) -> dict[str, float | None]:
        found = evaluate(base, [parse_change(change) for change in changes])
        return {one.name: one.wait.mean_s for one in found.by_group[0]}

    before, after = wait_s(), wait_s("reserve=climate:50%")
    assert after["climate"] is not None
    assert after["startup"] is not None
    assert before["startup"] is not None
    assert after["climate"] == 0
    assert after["startup"] > before["startup"]


def test_failures_are_replayed_per_seed_and_a_seed_gives_the_same_twice(base: Scenario) -> None:
    failing = replace(base, cluster=replace(CLUSTER, failures=Failures(20 * HOUR_S, HOUR_S)))
    found = evaluate(failing, seeds=(0, 1, 2))
    assert found.seeds == (0, 1, 2)
    assert len({whole.makespan_s for whole in found.whole}) > 1
    assert evaluate(failing, seeds=(1,)).whole[0] == found.whole[1]
    assert sum(whole.restarts for whole in found.whole) > 0


def test_the_hours_of_a_stopped_job_are_those_that_it_held(base: Scenario) -> None:
    failing = replace(base, cluster=replace(CLUSTER, failures=Failures(20 * HOUR_S, HOUR_S)))
    with_loss = evaluate(failing, seeds=(0,))
    hours = sum(one.found.unit_hours for one in with_loss.by_size[0])
    assert hours == pytest.approx(300 + with_loss.whole[0].lost_unit_hours)
