"""Compare Stellwerk's schedules with those of independent codes, job by job.

    [STELLWERK_TRACES=DIRECTORY] python scripts/check_oracles.py

The directory, by default tests/data/traces, holds job logs (SWF) and, under ``oracle/``, schedules of them as
``<log>.<policy>.<code>.csv.gz``; a log that is not there is named and left out. Prints one line per comparison; ends
with 1 if any start differs. Speed: the whole of ``simulate``, one core, median of seven runs after a first one.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

from stellwerk.measures import indicators
from stellwerk.records import JobTable, read_swf, replayable
from stellwerk.simulation import Cluster, Policy, Schedule, policy_named, read_schedule, simulate

TRACES = Path(os.environ.get("STELLWERK_TRACES", Path(__file__).parents[1] / "tests/data/traces"))


class Log(NamedTuple):
    file: str
    processors: int


LOGS = {
    "kth": Log("KTH-SP2-1996.swf.gz", 100),
    "theta": Log("oracle/input/theta.swf.gz", 4_392),
    "curie": Log("CEA-Curie-sample30k.swf.gz", 93_312),
}
COLUMNS = "{:26} {:34} {:>7} {:>10} {:>12} {:>9} {:>7} {:>11}"


def main() -> int:
    print(COLUMNS.format("log", "oracle", "jobs", "differing", "mean wait/s", "slowdown", "util.", "jobs/s"))
    differing = 0
    for name, log in LOGS.items():
        if not (TRACES / log.file).exists():
            print(f"{log.file}: not in {TRACES}")
            continue
        jobs = replayable(read_swf(TRACES / log.file))
        cluster = Cluster.pooled(log.processors)
        for oracle in sorted((TRACES / "oracle").glob(f"{name}.*.csv.gz")):
            policy = policy_named(oracle.name.split(".")[1])
            schedule = simulate(jobs, cluster=cluster, policy=policy)
            found = indicators(schedule, processors=log.processors)
            elsewhere = differing_starts(schedule, read_schedule(oracle))
            differing += elsewhere
            print(
                COLUMNS.format(
                    log.file,
                    oracle.name,
                    f"{len(jobs):,}",
                    f"{elsewhere:,}",
                    f"{found.mean_wait_s:,.1f}",
                    f"{found.bounded_slowdown:,.2f}",
                    f"{found.utilisation:.4f}",
                    f"{jobs_per_s(jobs, cluster, policy):,.0f}",
                )
            )
    return 1 if differing else 0


def differing_starts(schedule: Schedule, oracle: Schedule) -> int:
    """Both list the same jobs in the same order; ids and the zero of time may differ."""
    waits_s = schedule.start_s - schedule.submit_s, oracle.start_s - oracle.submit_s
    return int((waits_s[0] != waits_s[1]).sum())


def jobs_per_s(jobs: JobTable, cluster: Cluster, policy: Policy) -> float:
    durations_s = []
    for _ in range(7):
        started_s = time.perf_counter()
        simulate(jobs, cluster=cluster, policy=policy)
        durations_s.append(time.perf_counter() - started_s)
    return len(jobs) / statistics.median(durations_s)


if __name__ == "__main__":
    sys.exit(main())
