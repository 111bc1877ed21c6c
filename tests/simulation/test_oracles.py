"""Every job of two whole logs starts when other, independent codes start it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from stellwerk.records import JobTable, read_swf, replayable
from stellwerk.simulation import Cluster, Conservative, policy_named, read_schedule, simulate
from stellwerk.simulation.policy import Order

TRACES = Path(__file__).parents[1] / "data/traces"
LOGS = {"kth": ("KTH-SP2-1996.swf.gz", 100), "curie": ("CEA-Curie-sample30k.swf.gz", 93_312)}
ORACLES = sorted((TRACES / "oracle").glob("*.csv.gz"))


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.name.removesuffix(".csv.gz"))
def test_a_whole_log_is_scheduled_as_other_codes_schedule_it(oracle: Path) -> None:
    log, policy, _ = oracle.name.split(".", 2)
    name, processors = LOGS[log]
    schedule = simulate(jobs_of(name), cluster=Cluster.pooled(processors), policy=policy_named(policy))
    expected = read_schedule(oracle)
    zero_s = schedule.submit_s[0]
    for column in ("submit_s", "start_s", "end_s"):
        assert np.array_equal(getattr(schedule, column) - zero_s, getattr(expected, column)), column
    assert np.array_equal(schedule.processors, expected.processors)


def test_every_log_and_policy_has_an_oracle() -> None:
    compared = {tuple(oracle.name.split(".")[:2]) for oracle in ORACLES}
    assert compared == {
        (log, policy) for log in LOGS for policy in ("fcfs", "easy", "conservative", "conservative_replan")
    }


@pytest.mark.parametrize(("order", "mean_wait_s"), [("arrivals_first", 604.3), ("ends_first", 587.0)])
def test_the_order_within_one_second_moves_the_mean_wait_on_curie(order: Order, mean_wait_s: float) -> None:
    name, processors = LOGS["curie"]
    schedule = simulate(jobs_of(name), cluster=Cluster.pooled(processors), policy=Conservative(order=order))
    assert round(schedule.wait_s.mean(), 1) == mean_wait_s


@cache
def jobs_of(name: str) -> JobTable:
    return replayable(read_swf(TRACES / name))
