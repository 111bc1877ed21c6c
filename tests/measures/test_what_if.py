from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from stellwerk.measures import indicators
from stellwerk.measures.changes import parse_change, parse_sweep
from stellwerk.measures.outcome_json import outcome_as_dict
from stellwerk.measures.replays import evaluate, what_if
from stellwerk.measures.scenario import Scenario
from stellwerk.measures.sweep import run_sweep, scenarios_of
from stellwerk.measures.what_if_page import About, render_what_if_page
from stellwerk.records import JobTable
from stellwerk.simulation import Cluster, Easy, Failures, NodeGroup, Policy, Schedule, simulate
from tests.measures.logs import excerpt


@pytest.fixture(scope="module")
def base() -> Scenario:
    return Scenario(excerpt(), Cluster.pooled(100), Easy())


def test_an_outcome_is_that_of_the_replay(base: Scenario) -> None:
    schedule = simulate(base.jobs, cluster=base.cluster, policy=base.policy)
    found = evaluate(base)
    assert found.whole == (indicators(schedule, processors=100),)
    assert found.seeds == ()
    by_size = {(one.smallest, one.largest): one.found for one in found.by_size[0]}
    is_64 = (schedule.processors > 32) & (schedule.processors <= 64)
    assert by_size[33, 64].wait.mean_s == pytest.approx(schedule.wait_s[is_64].mean())
    assert sum(one.jobs for one in by_size.values()) == len(schedule)
    curve = next(curve for curve in found.wait_curves if curve.smallest == 33)
    hour = np.searchsorted(curve.wait_s, 3_600, side="right") - 1
    assert curve.share[hour] == pytest.approx((schedule.wait_s[is_64] <= curve.wait_s[hour]).mean())
    assert curve.share[-1] == 1
    edges_s = found.queue.edges_s
    assert found.queue.mean @ np.diff(edges_s) == pytest.approx(schedule.wait_s.sum())


def test_each_change_is_seen_alone_and_then_all_together(base: Scenario) -> None:
    changes = [parse_change("processors+20"), parse_change("load=1.1")]
    assert [one.changes for one in what_if(base, changes)] == [(), ("processors+20", "load=1.1")]
    alone = what_if(base, changes, each=True)
    assert [one.changes for one in alone] == [(), ("processors+20",), ("load=1.1",), ("processors+20", "load=1.1")]
    mean_wait_s = [one.whole[0].mean_wait_s for one in alone]
    assert mean_wait_s[1] < mean_wait_s[0] < mean_wait_s[2]
    assert mean_wait_s[1] < mean_wait_s[3] < mean_wait_s[2]


def test_where_nothing_is_drawn_more_seeds_are_not_more_replays(base: Scenario) -> None:
    assert len(evaluate(base, seeds=range(5)).whole) == 1


def test_an_outcome_is_plain_data(base: Scenario) -> None:
    text = json.dumps(outcome_as_dict(evaluate(base)), allow_nan=False)
    assert json.loads(text)["whole"][0]["jobs"] == 2_499


def test_a_grid_is_every_combination_after_what_all_have_in_common() -> None:
    grid = scenarios_of([parse_sweep("nodes=+0,+1"), parse_sweep("policy=easy,fcfs")], [parse_change("load=2")])
    assert [[change.text for change in one] for one in grid] == [
        ["load=2", "nodes+0", "policy=easy"],
        ["load=2", "nodes+0", "policy=fcfs"],
        ["load=2", "nodes+1", "policy=easy"],
        ["load=2", "nodes+1", "policy=fcfs"],
    ]


@pytest.mark.slow
def test_a_sweep_over_processes_gives_what_single_replays_give(base: Scenario) -> None:
    grid = scenarios_of([parse_sweep("processors=+0,+20"), parse_sweep("policy=easy,fcfs")])
    together = run_sweep(base, grid, workers=2)
    alone = [evaluate(base, scenario) for scenario in grid]
    assert [outcome_as_dict(one) for one in together] == [outcome_as_dict(one) for one in alone]


def test_what_is_drawn_at_random_is_replayed_once_per_seed(base: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replay itself stands in: seed s makes every job wait s seconds longer."""
    cluster = Cluster.of_nodes((NodeGroup("nodes", 100, cores=1),))
    of_nodes = replace(base, cluster=replace(cluster, failures=Failures(1e6, 3_600)))

    def drawn(jobs: JobTable, *, cluster: Cluster, policy: Policy, seed: int) -> Schedule:
        schedule = simulate(jobs, cluster=Cluster.pooled(cluster.processors), policy=policy)
        later = replace(schedule, start_s=schedule.start_s + seed, end_s=schedule.end_s + seed)
        return replace(later, nodes=schedule.processors)

    monkeypatch.setattr("stellwerk.measures.replays.simulate", drawn)
    found = evaluate(of_nodes, seeds=(0, 1, 5))
    waits = [whole.mean_wait_s for whole in found.whole]
    assert found.seeds == (0, 1, 5)
    assert waits[1:] == pytest.approx([waits[0] + 1, waits[0] + 5])
    assert len(found.by_size) == len(found.by_group) == 3
    assert sum(curve.jobs for curve in found.wait_curves) == 3 * 2_499  # the jobs of all replays
    page = render_what_if_page([found, found], About("log", "0" * 64, (), 1, 1, "nodes", "easy"), "en")
    assert "each scenario was replayed 3 times" in page
    assert '<span class="bounds">2.15 h–2.15 h</span>' not in page  # a range that rounding hides is none
