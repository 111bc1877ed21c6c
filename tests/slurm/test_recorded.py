"""The simulation against schedules that a real Slurm made of the same jobs (docs/validation.md says what is missed)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.slurm.recorded import DATA, kendall_tau, read_recorded, simulate_recorded
from tests.slurm.replay import GPUS_PER_NODE, NODES


@pytest.mark.parametrize("scenario", ["fcfs", "backfill", "multifactor"])
def test_the_recordings_hold_300_jobs_that_the_nodes_could_run(scenario: str) -> None:
    recorded = read_recorded(DATA / f"{scenario}.sacct")
    assert len(recorded.jobs) == 300
    assert (recorded.wait_s >= 0).all()
    starts, ends = recorded.start_s, recorded.start_s + recorded.jobs.run_s
    once = recorded.restarts == 0
    for time_s in starts[once]:
        running = once & (starts <= time_s) & (ends > time_s)
        assert recorded.jobs.accelerators[running].sum() <= NODES * GPUS_PER_NODE
    assert recorded.restarts.any() == (scenario == "multifactor")


@pytest.mark.parametrize(
    ("scenario", "least_tau", "median_within"),
    [("fcfs", 0.99, 0.15), ("backfill", 0.9, 0.15), ("multifactor", 0.7, 0.15)],
)
def test_the_simulation_starts_the_jobs_in_the_order_of_slurm(
    scenario: str, least_tau: float, median_within: float
) -> None:
    recorded = read_recorded(DATA / f"{scenario}.sacct")
    schedule = simulate_recorded(recorded, scenario)
    assert len(schedule) == len(recorded.jobs)
    assert kendall_tau(schedule.start_s, recorded.start_s) >= least_tau
    assert np.median(schedule.wait_s) == pytest.approx(np.median(recorded.wait_s), rel=median_within)


@pytest.mark.parametrize(("scenario", "tau"), [("backfill", 0.943), ("multifactor", 0.834)])
def test_slurm_itself_starts_the_same_jobs_otherwise_the_second_time(scenario: str, tau: float) -> None:
    """What no simulation can be nearer than, but by chance."""
    first, second = (read_recorded(DATA / f"{scenario}{again}.sacct") for again in ("", "-again"))
    assert kendall_tau(first.start_s, second.start_s) == pytest.approx(tau, abs=0.001)


def test_kendalls_tau_of_an_order_with_itself_its_reverse_and_with_ties() -> None:
    order = np.arange(10)
    assert kendall_tau(order, order) == 1
    assert kendall_tau(order, -order) == -1
    # Two pairs of five elements are ties: 8 of 10 pairs can be compared, all alike.
    assert kendall_tau(np.arange(5), np.array([0, 0, 1, 1, 2])) == pytest.approx(8 / np.sqrt(10 * 8))
