"""Multifactor priority on 300 nodes of 8 GPUs: how long the Philly log of 2017 takes, or one of its shape.

The log is read from ``philly_2017_gpu_jobs.parquet`` in the directory that STELLWERK_TRACES names; it may not be
shipped. Without it, a log is generated with the same number of jobs, days, sizes and quartiles of run time. Neither
states a time limit: twice the run time, at least an hour, is assumed, which is neither what users ask for nor perfect
knowledge.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measure import median_s, row
from numpy.typing import NDArray

from stellwerk.records import MISSING, JobTable, Labels
from stellwerk.simulation import Cluster, Multifactor, NodeGroup, simulate

CLUSTER = Cluster.of_nodes((NodeGroup("gpu", 300, 8),), name="300 nodes of 8 GPUs", processor_is="accelerator")
POLICY = Multifactor(weight_age=1000, weight_fair_share=10_000, weight_size=100)
JOBS, DAYS, ACCOUNTS = 82_247, 109, 15
SIZES = (1, 2, 4, 8, 12, 16, 24, 32, 64, 128)
JOBS_OF_SIZE = (76_627, 1_818, 1_870, 1_643, 7, 199, 7, 67, 6, 3)
RUN_QUARTILES_S = (1, 115, 1_144, 2_932, 4_628_226)


def node_rows() -> list[dict[str, object]]:
    """Seconds for the log as it is, and for Philly's on a third of the nodes, where a sixth of the jobs wait; the
    generated one, which knows no nights and no months, fills these for good and takes minutes."""
    name, jobs = gpu_jobs()
    rows = [row(f"simulate.multifactor.{name}", _seconds(jobs, CLUSTER), "s", limit=1.0)]
    if name == "philly":
        third = replace(CLUSTER, groups=(replace(CLUSTER.groups[0], nodes=100),))
        rows.append(row(f"simulate.multifactor.{name}.third", _seconds(jobs, third), "s"))
    return rows


def _seconds(jobs: JobTable, cluster: Cluster) -> float:
    return median_s(lambda: simulate(jobs, cluster=cluster, policy=POLICY))


class GpuLog(NamedTuple):
    name: str
    submit_s: NDArray[np.int64]
    run_s: NDArray[np.int64]
    accelerators: NDArray[np.int64]
    account: Labels


def gpu_jobs() -> tuple[str, JobTable]:
    """Name and table of the log."""
    folder = os.environ.get("STELLWERK_TRACES")
    path = Path(folder or ".") / "philly_2017_gpu_jobs.parquet"
    log = _philly(path) if folder is not None and path.exists() else _generated()
    order = np.argsort(log.submit_s, kind="stable")
    return log.name, _table(log, order)


def _philly(path: Path) -> GpuLog:
    import polars as pl  # of the extra, and only with the log at hand

    frame = pl.read_parquet(path)
    submit_s = frame["timestamp"].dt.epoch("s").to_numpy()
    names, code = np.unique(frame["cluster"].to_numpy().astype(str), return_inverse=True)
    return GpuLog(
        "philly",
        submit_s - submit_s.min(),
        frame["duration"].to_numpy().astype(np.int64),
        frame["num_gpus"].to_numpy().astype(np.int64),
        Labels(code.astype(np.int32), tuple(names.tolist())),
    )


def _generated() -> GpuLog:
    draw = np.random.default_rng(1)
    run_s = np.interp(draw.random(JOBS), [0, 0.25, 0.5, 0.75, 1], np.log(RUN_QUARTILES_S))
    names = tuple(f"account {number}" for number in range(ACCOUNTS))
    return GpuLog(
        "generated",
        draw.integers(0, DAYS * 86_400, JOBS),
        np.exp(run_s).astype(np.int64).clip(1),
        np.repeat(SIZES, JOBS_OF_SIZE)[draw.permutation(JOBS)],
        Labels(draw.integers(0, ACCOUNTS, JOBS).astype(np.int32), names),
    )


def _table(log: GpuLog, order: NDArray[np.int64]) -> JobTable:
    jobs = len(order)
    run_s, accelerators = log.run_s[order], log.accelerators[order]
    unknown_s, unknown = np.full(jobs, MISSING, np.int64), np.full(jobs, MISSING, np.int32)
    nothing = Labels(unknown, ())
    return JobTable(
        job_id=np.arange(1, jobs + 1),
        line=np.arange(1, jobs + 1),
        submit_s=log.submit_s[order],
        eligible_s=unknown_s,
        wait_s=unknown_s,
        run_s=run_s,
        requested_s=np.maximum(2 * run_s, 3600),
        memory_bytes=unknown_s,
        requested_processors=unknown,
        allocated_processors=accelerators.astype(np.int32),
        requested_nodes=unknown,
        allocated_nodes=unknown,
        requested_accelerators=accelerators.astype(np.int32),
        allocated_accelerators=unknown,
        user=nothing,
        account=log.account.take(order),
        partition=nothing,
        qos=nothing,
        state=nothing,
        source=Path(log.name),
        header=(),
        zero=None,
        dropped={},
        remarks={},
        out_of_order=None,
    )


if __name__ == "__main__":
    for one in node_rows():
        print(one)
