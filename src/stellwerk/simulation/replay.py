"""Replay a job log on a cluster under a policy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records import JobTable
from stellwerk.simulation.cluster import Cluster
from stellwerk.simulation.model import Schedule, Unsatisfiable
from stellwerk.simulation.nodes import Unknown, simulate_nodes
from stellwerk.simulation.policy import Conservative, Easy, Fcfs, Policy
from stellwerk.simulation.pooled import conservative_starts_s, easy_starts_s, replanned_starts_s


def simulate(jobs: JobTable, *, cluster: Cluster, policy: Policy, seed: int = 0, unknown: Unknown = "skip") -> Schedule:
    """The schedule of a log on a cluster; ``docs/algorithms`` gives the exact semantics.

    On pooled processors a job takes ``jobs.processors`` of them (in a log that counts nodes alone, as many as nodes),
    its scheduler counts on ``jobs.limit_s`` and it ends after its run time or at its limit, whichever comes first. What
    is drawn at random (failures) follows ``seed`` alone. Jobs that can never run are listed in ``unsatisfiable``.
    ``unknown`` says what becomes of jobs with a partition, QOS or account that a cluster of nodes does not have.

    Raises InputError where no job can run and for a policy that the cluster has no scheduler for.
    """
    if not cluster.is_pooled:
        return simulate_nodes(jobs, cluster, policy, seed, unknown)
    return _on_pooled(jobs, cluster.processors, policy)


class _Queue(NamedTuple):
    """The columns of the jobs that can run, in queue order."""

    submit_s: NDArray[np.int64]
    run_s: NDArray[np.int64]
    limit_s: NDArray[np.int64]
    processors: NDArray[np.int64]


def _on_pooled(jobs: JobTable, processors: int, policy: Policy) -> Schedule:
    need, limit_s = _pooled_need(jobs), jobs.limit_s
    fits = need <= processors
    _refuse_nothing_to_run(jobs, fits, need, processors)
    rows = slice(None) if fits.all() else fits  # all of them are not copied
    queue = _Queue(jobs.submit_s[rows], np.minimum(jobs.run_s, limit_s)[rows], limit_s[rows], need[rows])
    start_s = _pooled_starts_s(queue, processors, policy)
    left_out = tuple(
        Unsatisfiable(int(jobs.job_id[row]), int(jobs.line[row]), "more_processors_than_the_machine")
        for row in np.flatnonzero(~fits)
    )
    return Schedule.of_processors(
        jobs.job_id[rows], queue.submit_s, start_s, start_s + queue.run_s, queue.processors, unsatisfiable=left_out
    )


def _pooled_need(jobs: JobTable) -> NDArray[np.int64]:
    """Processors or, in a log that counts nodes alone, nodes."""
    need = jobs.processors
    if (need <= 0).all():
        need = jobs.nodes
    if (need <= 0).any():
        job = int(np.flatnonzero(need <= 0)[0])
        problem = f"job {jobs.job_id[job]} does not say how many processors it needs"
        raise InputError(problem, file=jobs.source, key=f"line {jobs.line[job]}", allowed="a cluster of nodes")
    return need


def _pooled_starts_s(queue: _Queue, processors: int, policy: Policy) -> NDArray[np.int64]:
    match policy:
        case Fcfs():
            return easy_starts_s(*queue, processors, False, policy.order == "arrivals_first")
        case Easy():
            return easy_starts_s(*queue, processors, True, policy.order == "arrivals_first")
        case Conservative(replan=False):
            return conservative_starts_s(*queue, processors, policy.order == "ends_first")
        case Conservative():
            return replanned_starts_s(*queue, processors)
    raise InputError("pooled processors have no scheduler for this policy", key="policy", value=policy)


def _refuse_nothing_to_run(jobs: JobTable, fits: NDArray[np.bool_], need: NDArray[np.int64], processors: int) -> None:
    if fits.any() or len(jobs) == 0:
        return
    raise InputError(
        f"no job fits the machine: job {jobs.job_id[0]} needs more processors than its {processors}",
        file=jobs.source,
        key=f"line {jobs.line[0]}",
        value=int(need[0]),
    )
