"""Jobs of a few seconds to minutes on the real Slurm, and what its accounting says of them.

python -m tests.slurm.replay FOLDER [SCENARIO…]     records the schedules of tests/data/slurm anew into FOLDER
"""

from __future__ import annotations

import csv
import datetime
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tests.slurm.testbed import CORES_PER_GPU, Slurm

CALC_PERIOD_S = 60  # PriorityCalcPeriod
NODES, GPUS_PER_NODE = 16, 8
ACCOUNTS = {"astro": 4, "bio": 2, "chem": 1, "data": 1}
"""Shares in the fair-share tree."""
SACCT_FORMAT = (
    "JobIDRaw,JobName,User,Account,Partition,QOS,State,Submit,Eligible,Start,End,ElapsedRaw,TimelimitRaw,"
    "ReqNodes,NNodes,ReqCPUS,AllocCPUS,ReqTRES,AllocTRES,Priority"
)
_EACH_PASS = "batch_sched_delay=0,sched_interval=5,default_queue_depth=1000"  # noqa: S105 – no password
_BACKFILL = f"{_EACH_PASS},bf_interval=3,bf_resolution=10,bf_window=120,bf_max_job_test=500"
SCENARIOS: dict[str, dict[str, str]] = {
    "fcfs": {
        "SchedulerType": "sched/builtin",
        "SchedulerParameters": _EACH_PASS,
        "PriorityType": "priority/basic",
    },
    "backfill": {
        "SchedulerType": "sched/backfill",
        "SchedulerParameters": _BACKFILL,
        "PriorityWeightAge": "100000",
        "PriorityMaxAge": "0-1",
    },
    "multifactor": {
        "SchedulerType": "sched/backfill",
        "SchedulerParameters": _BACKFILL,
        "PriorityWeightAge": "10000",
        "PriorityMaxAge": "0-1",
        "PriorityWeightFairshare": "10000",
        "PriorityDecayHalfLife": "5",
        "PriorityWeightQOS": "100000",
        "PreemptType": "preempt/qos",
        "PreemptMode": "REQUEUE",
    },
}
"""What is set in slurm.conf beside the template, a day of a real cluster scaled down to minutes."""


@dataclass(frozen=True)
class Job:
    """A job as it is submitted: ``submit_s`` counts from the start of the replay."""

    name: str
    submit_s: float
    run_s: int
    limit_min: int
    nodes: int
    gpus_per_node: int
    account: str
    qos: str


def draw_jobs(count: int, *, span_s: float, seed: int) -> list[Job]:
    """Jobs of 1 to 32 GPUs, most of them small, that run 5 to 120 s and ask for one to three times as long.

    They arrive in a Poisson stream over ``span_s``; 300 in 120 s ask for three times what the nodes give.
    """
    draw = random.Random(seed)  # noqa: S311
    submit_s, jobs = 0.0, []
    for number in range(count):
        submit_s += draw.expovariate(count / span_s)
        gpus = draw.choices((1, 2, 4, 8, 16, 32), weights=(45, 20, 15, 12, 5, 3))[0]
        run_s = min(max(round(draw.lognormvariate(3.0, 0.85)), 5), 120)
        limit_min = -(-round(run_s * draw.choice((1, 1.5, 3)) + 5) // 60)
        account = draw.choices(tuple(ACCOUNTS), weights=(3, 3, 2, 2))[0]
        qos = draw.choices(("normal", "high"), weights=(9, 1))[0]
        per_node = min(gpus, GPUS_PER_NODE)
        jobs.append(Job(f"j{number}", round(submit_s, 1), run_s, limit_min, gpus // per_node, per_node, account, qos))
    return jobs


def prepare_accounting(slurm: Slurm) -> None:
    """The accounts and the two qualities of service of the jobs; high may preempt normal where preemption is on."""
    for account, shares in ACCOUNTS.items():
        slurm.add_account(account, shares)
    if "high" not in slurm.run("sacctmgr", "-nP", "list", "qos", "format=name").split():
        slurm.run("sacctmgr", "-i", "add", "qos", "high", "Priority=100", "Preempt=normal")
        slurm.run("sacctmgr", "-i", "modify", "account", "where", f"account={','.join(ACCOUNTS)}", "set", "qos+=high")


def replay(slurm: Slurm, jobs: Iterable[Job], *, on_the_minute: bool = True) -> str:
    """Submit each job at its time, wait until all have ended, and return what sacct says of all their executions.

    ``on_the_minute``: start on a whole minute of the controller's clock, when it works out usage and priorities.
    """
    if on_the_minute:
        since_start = datetime.datetime.now(datetime.UTC) - slurm.controller_started()
        time.sleep(CALC_PERIOD_S - since_start.total_seconds() % CALC_PERIOD_S)
    begin = time.monotonic()
    submitted = []
    for job in jobs:
        time.sleep(max(0.0, begin + job.submit_s - time.monotonic()))
        answer = slurm.run(
            "sbatch", "--parsable", f"--job-name={job.name}", f"--time={job.limit_min}", f"--nodes={job.nodes}",
            f"--gpus-per-node={job.gpus_per_node}", "--ntasks-per-node=1",
            f"--cpus-per-task={job.gpus_per_node * CORES_PER_GPU}", f"--account={job.account}", f"--qos={job.qos}",
            "--output=/dev/null", text=f"#!/bin/sh\nexec sleep {job.run_s}\n",
        )  # fmt: skip
        submitted.append(answer.strip())
    while slurm.run("squeue", "--noheader", "--format=%i"):
        time.sleep(2)
    time.sleep(3)  # the database hears of the last end a little later
    ids = ",".join(submitted)
    return slurm.run("sacct", "--duplicates", "-X", "--parsable2", f"--jobs={ids}", f"--format={SACCT_FORMAT}")


def write_jobs(jobs: Iterable[Job], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Job)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, jobs))


def record(folder: Path, scenarios: Iterable[str]) -> None:
    """Bring a cluster up, replay the 300 jobs under each scenario, write jobs.csv and the answers of sacct."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = draw_jobs(300, span_s=120, seed=1)
    write_jobs(jobs, folder / "jobs.csv")
    with tempfile.TemporaryDirectory() as place:
        slurm = Slurm(Path(place), NODES, GPUS_PER_NODE)
        try:
            slurm.up()
            prepare_accounting(slurm)
            for scenario in scenarios:
                slurm.configure(SCENARIOS[scenario])
                slurm.run("sacctmgr", "-i", "modify", "account", "where", "account=root", "set", "RawUsage=0")
                (folder / f"{scenario}.sacct").write_text(replay(slurm, jobs), encoding="utf-8")
        finally:
            slurm.down()


if __name__ == "__main__":
    record(Path(sys.argv[1]), sys.argv[2:] or SCENARIOS)
