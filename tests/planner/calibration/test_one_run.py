from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from stellwerk.catalog import Accelerator
from stellwerk.planner import Machine, packaged_constants
from stellwerk.planner.calibration import calibrated_spread, cluster_errors
from tests.planner.calibration.test_overlay import runs_with

Known = Mapping[str, Accelerator]


def test_one_run_of_a_slow_cluster_says_most_of_the_others(machine: Machine, accelerators: Known) -> None:
    runs = runs_with(machine, accelerators, matmul=0.8, attention=0.8, memory=0.8)
    (cluster,) = cluster_errors(runs, packaged_constants(), accelerators)
    assert (cluster.accelerator, cluster.runs, cluster.choices) == ("a100-sxm-80gb", 6, 6)
    assert cluster.before > 0.12
    assert cluster.after < 0.4 * cluster.before
    assert cluster.all_runs_after < 0.02


def test_a_cluster_of_one_run_says_nothing(machine: Machine, accelerators: Known) -> None:
    assert cluster_errors(runs_with(machine, accelerators)[:1], packaged_constants(), accelerators) == ()


def test_the_spread_is_that_of_clusters_that_do_not_spread_by_themselves(machine: Machine, accelerators: Known) -> None:
    runs = runs_with(machine, accelerators)
    (exact,) = cluster_errors(runs, packaged_constants(), accelerators)
    assert calibrated_spread([exact]) == pytest.approx(0.03)  # the least that any spread is
    noisy = replace(exact, family="noisy", noisy=True, deviations=(0.5, -0.5))
    assert calibrated_spread([exact, noisy]) == calibrated_spread([exact])
    wide = replace(noisy, noisy=False)
    assert calibrated_spread([exact, wide]) == pytest.approx(0.5 / 1.2816, rel=0.01)
