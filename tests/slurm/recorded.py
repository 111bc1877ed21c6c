"""What a real Slurm did with some jobs, and what the simulation does with the same ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stellwerk.records import JobTable, read_jobs
from stellwerk.simulation import Qos, Schedule, read_cluster, read_policy, simulate

DATA = Path(__file__).parents[1] / "data" / "slurm"


@dataclass(frozen=True)
class Recorded:
    """Jobs as they were submitted, each once, with their run time to the end, and when each first started."""

    jobs: JobTable
    start_s: NDArray[np.int64]
    restarts: NDArray[np.int64]

    @property
    def wait_s(self) -> NDArray[np.int64]:
        return self.start_s - self.jobs.submit_s


def read_recorded(path: Path) -> Recorded:
    """What sacct says, in which a job that was preempted has a line for each time that it ran."""
    table = read_jobs(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    name_of = [lines[line - 1].split("|")[1] for line in table.line]
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(name_of):  # in the order of the submit times
        rows.setdefault(name, []).append(row)
    first = np.array([found[0] for found in rows.values()])
    last = np.array([found[-1] for found in rows.values()])
    begin_s = int(table.submit_s[first].min())
    jobs = table.take(first)
    jobs = replace(
        jobs, run_s=table.run_s[last], submit_s=jobs.submit_s - begin_s, eligible_s=jobs.eligible_s - begin_s
    )
    start_s = jobs.submit_s + jobs.wait_s
    return Recorded(jobs, start_s, np.array([len(found) - 1 for found in rows.values()]))


def simulate_recorded(recorded: Recorded, scenario: str) -> Schedule:
    """The same jobs on the same cluster with the same parameters; only the last scenario lets jobs preempt others."""
    settings = read_policy(DATA / f"{scenario}.toml")
    cluster = read_cluster(DATA / "cluster.toml")
    if scenario != "multifactor":
        cluster = replace(cluster, qos=(Qos("normal"), Qos("high")))
    return simulate(recorded.jobs, cluster=cluster, policy=settings.policy)


def kendall_tau(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Kendall's tau-b of two columns: 1 where they order all pairs alike, 0 where by chance."""
    signs = [np.sign(column[:, np.newaxis] - column[np.newaxis, :]).astype(np.int64) for column in (first, second)]
    return float((signs[0] * signs[1]).sum() / np.sqrt((signs[0] ** 2).sum() * (signs[1] ** 2).sum()))
