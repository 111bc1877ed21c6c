"""Jobs on the real Slurm of this machine, and the simulation of the same ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.slurm.recorded import kendall_tau, read_recorded, simulate_recorded
from tests.slurm.replay import SCENARIOS, draw_jobs, prepare_accounting, replay
from tests.slurm.testbed import Slurm

pytestmark = pytest.mark.slurm

JOBS = [job for job in draw_jobs(120, span_s=15, seed=3) if job.run_s <= 25]
"""They keep the nodes busy for about a minute."""


def test_a_small_replay_starts_as_the_simulation_does(slurm: Slurm, tmp_path: Path) -> None:
    """First come, first served, whose order a machine that is busy with other things changes least."""
    prepare_accounting(slurm)
    slurm.configure(SCENARIOS["fcfs"])
    try:
        said = replay(slurm, JOBS, on_the_minute=False)
    finally:
        slurm.configure({})
    file = tmp_path / "replay.sacct"
    file.write_text(said, encoding="utf-8")
    recorded = read_recorded(file)
    schedule = simulate_recorded(recorded, "fcfs")
    assert kendall_tau(schedule.start_s, recorded.start_s) >= 0.9
    assert abs(np.median(schedule.wait_s) - np.median(recorded.wait_s)) <= 5
