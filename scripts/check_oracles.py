"""Compare Stellwerk's schedules with those of independent codes, job by job.

    STELLWERK_TRACES=DIRECTORY python scripts/check_oracles.py

The directory holds job logs (SWF) and, under ``oracle/``, schedules of them as ``<log>.<policy>.<code>.csv.gz``.
Prints one line per comparison; ends with 1 if any start differs. Speed: the whole of ``simulate``, one core,
median of seven runs after a first one.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

from stellwerk.measures import compare
from stellwerk.records import JobTable, read_swf, replayable
from stellwerk.simulation import Cluster, policy_named, read_schedule, simulate


class Check(NamedTuple):
    log: str
    processors: int
    policy: str
    oracle: str


CHECKS = (
    Check("KTH-SP2-1996.swf.gz", 100, "easy", "kth.easy.pyss.csv.gz"),
    Check("KTH-SP2-1996.swf.gz", 100, "fcfs", "kth.fcfs.ref.csv.gz"),
    Check("oracle/input/kth.swf.gz", 100, "easy", "kth.easy.pyss.csv.gz"),
    Check("oracle/input/kth.swf.gz", 100, "fcfs", "kth.fcfs.ref.csv.gz"),
    Check("oracle/input/kth.swf.gz", 100, "fcfs", "kth.fcfs.accasim.csv.gz"),
    Check("oracle/input/theta.swf.gz", 4_392, "easy", "theta.easy.pyss.csv.gz"),
    Check("oracle/input/theta.swf.gz", 4_392, "fcfs", "theta.fcfs.ref.csv.gz"),
    Check("oracle/input/curie.swf.gz", 93_312, "easy", "curie.easy.pyss.csv.gz"),
    Check("oracle/input/curie.swf.gz", 93_312, "fcfs", "curie.fcfs.ref.csv.gz"),
)
COLUMNS = "{:26} {:26} {:>7} {:>10} {:>12} {:>9} {:>7} {:>11}"


def main() -> int:
    if "STELLWERK_TRACES" not in os.environ:
        print(__doc__, file=sys.stderr)
        return 2
    traces = Path(os.environ["STELLWERK_TRACES"])
    print(COLUMNS.format("log", "oracle", "jobs", "differing", "mean wait/s", "slowdown", "util.", "jobs/s"))
    differing = 0
    for check in CHECKS:
        jobs = replayable(read_swf(traces / check.log))
        schedule = simulate(jobs, cluster=Cluster.pooled(check.processors), policy=policy_named(check.policy))
        found = compare(read_schedule(traces / "oracle" / check.oracle), schedule, processors=check.processors)
        differing += found.differing_starts
        print(
            COLUMNS.format(
                check.log,
                check.oracle,
                f"{len(jobs):,}",
                f"{found.differing_starts:,}",
                f"{found.after.mean_wait_s:,.1f}",
                f"{found.after.bounded_slowdown:,.2f}",
                f"{found.after.utilisation:.4f}",
                f"{jobs_per_s(jobs, check):,.0f}",
            )
        )
    return 1 if differing else 0


def jobs_per_s(jobs: JobTable, check: Check) -> float:
    durations_s = []
    for _ in range(7):
        started_s = time.perf_counter()
        simulate(jobs, cluster=Cluster.pooled(check.processors), policy=policy_named(check.policy))
        durations_s.append(time.perf_counter() - started_s)
    return len(jobs) / statistics.median(durations_s)


if __name__ == "__main__":
    sys.exit(main())
