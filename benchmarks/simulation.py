"""How fast job logs are replayed on pooled processors, beside AccaSim, and what a million jobs take in memory.

Speeds are jobs per second of one core (process time), of the whole of ``simulate`` on a table already read. AccaSim
reads its log while it runs, which is a small part of its time; it runs once, for it takes long.
The logs are those of STELLWERK_TRACES, or else the two in tests/data/traces; a log that is in neither has no row.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measure import ROUNDS, median_s, row

from stellwerk.records import JobTable, read_swf, replayable
from stellwerk.simulation import Cluster, policy_named, simulate

ROOT = Path(__file__).resolve().parent.parent
TRACES = Path(os.environ.get("STELLWERK_TRACES", ROOT / "tests" / "data" / "traces"))
ACCASIM = ROOT / "build" / "peers" / "accasim"
ACCASIM_PACKAGE = "accasim==1.1.3"
PROVISION_TIMEOUT_S = 300
MEMORY_LIMIT_MB = 250.0


class Log(NamedTuple):
    file: str
    processors: int
    promised_jobs_per_s: dict[str, float]


LOGS = {
    "kth": Log("KTH-SP2-1996.swf.gz", 100, {"easy": 3e6, "conservative": 2e5}),
    "curie": Log("CEA-Curie-sample30k.swf.gz", 93_312, {"easy": 2e6, "conservative": 2e4}),
    "theta": Log("oracle/input/theta.swf.gz", 4_392, {"easy": 2e6}),
}


def simulation_rows() -> list[dict[str, object]]:
    rows = []
    for name, log in LOGS.items():
        if not (TRACES / log.file).exists():
            print(f"no row for {name}: {log.file} is not in {TRACES}", file=sys.stderr)
            continue
        jobs, cluster = replayable(read_swf(TRACES / log.file)), Cluster.pooled(log.processors)
        for policy, promised in log.promised_jobs_per_s.items():
            chosen = policy_named(policy)
            seconds = median_s(partial(simulate, jobs, cluster=cluster, policy=chosen), time.process_time)
            peer = accasim_jobs_per_s(jobs, log.processors) if (name, policy) == ("kth", "easy") else None
            rows.append(row(f"simulate.{policy}.{name}", len(jobs) / seconds, "jobs/s", limit=promised, peer=peer))
    return rows + drawn_rows(1_000_000, rounds=ROUNDS) + drawn_rows(10_000_000, rounds=3)


def drawn_rows(jobs: int, *, rounds: int) -> list[dict[str, object]]:
    """EASY on a log drawn from KTH, each time in a process of its own: its speed; the peak of the process; and what
    of it the jobs take, with all columns of their table, beyond a process in which the kernel has run."""
    command = [sys.executable, str(ROOT / "benchmarks" / "drawn.py"), str(TRACES / LOGS["kth"].file), str(jobs)]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(rounds)]
    found = [[float(value) for value in run.split()] for run in runs]
    ready_mb, peak_mb, seconds, _ = (statistics.median(values) for values in zip(*found, strict=True))
    name, limit = f"simulate.easy.drawn.{jobs // 1_000_000}m", MEMORY_LIMIT_MB * jobs / 1_000_000
    return [
        row(name, jobs / seconds, "jobs/s"),
        row(f"{name}.peak", peak_mb, "MB"),
        row(f"{name}.memory", peak_mb - ready_mb, "MB", limit=limit),
    ]


def accasim_jobs_per_s(jobs: JobTable, processors: int) -> float | None:
    """One replay with AccaSim of the same jobs in the same queue; None, with the reason, where it cannot be had."""
    try:
        if not ACCASIM.exists():
            command = [str(ROOT / "benchmarks" / "peers" / "provision"), sys.executable, str(ACCASIM), ACCASIM_PACKAGE]
            subprocess.run(command, check=True, timeout=PROVISION_TIMEOUT_S, capture_output=True, text=True)
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log.swf"
            log.write_text(_swf(jobs), encoding="utf-8")
            command = [
                str(ACCASIM / "bin" / "python"),
                str(ROOT / "benchmarks" / "peers" / "accasim_easy.py"),
                str(log),
                str(processors),
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
    except (subprocess.SubprocessError, OSError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        print(f"no peer: AccaSim cannot be installed or run: {reason}", file=sys.stderr)
        return None
    dispatched, seconds = done.stdout.split()[-2:]
    return int(dispatched) / float(seconds)


def _swf(jobs: JobTable) -> str:
    """The jobs as AccaSim reads them: it takes the requested processors before the allocated ones."""
    run_s = np.minimum(jobs.run_s, jobs.limit_s)
    columns = (jobs.submit_s, run_s, jobs.processors, jobs.limit_s)
    return "".join(
        f"{number} {submit} -1 {run} {need} -1 -1 {need} {limit} -1 1 1 1 -1 -1 -1 -1 -1\n"
        for number, (submit, run, need, limit) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), 1
        )
    )


if __name__ == "__main__":
    for one in simulation_rows():
        print(one)
