"""Replay a log of any length and a stationary load under EASY; print the memory and the seconds that it takes.

    python benchmarks/drawn.py LOG JOBS

The jobs are drawn from those of a log of 100 processors (KTH-SP2-1996), each with all that the log says of it; the
arrivals are a Poisson process. Prints, in MB, what the process holds when the log is read and the kernel has run once,
and its peak after the replay; then the seconds of one core of a second replay, and the mean wait.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from pathlib import Path

import numpy as np

from stellwerk.records import JobTable, read_swf, replayable
from stellwerk.simulation import Cluster, Easy, simulate

PROCESSORS = 100
UTILISATION = 0.69
"""That of KTH under EASY."""
SEED = 1


def main() -> None:
    log, cluster = replayable(read_swf(Path(sys.argv[1]))), Cluster.pooled(PROCESSORS)
    simulate(log, cluster=cluster, policy=Easy())
    ready_mb = resident_mb()
    jobs = drawn(log, int(sys.argv[2]))
    simulate(jobs, cluster=cluster, policy=Easy())
    peak_mb = peak_resident_mb()
    started_s = time.process_time()
    schedule = simulate(jobs, cluster=cluster, policy=Easy())
    print(ready_mb, peak_mb, time.process_time() - started_s, schedule.wait_s.mean())


def drawn(log: JobTable, jobs: int) -> JobTable:
    random = np.random.default_rng(SEED)
    area = np.minimum(log.run_s, log.limit_s) * log.processors
    gap_s = area.mean() / (PROCESSORS * UTILISATION)
    return dataclasses.replace(
        log.take(random.integers(0, len(log), jobs)),
        job_id=np.arange(1, jobs + 1),
        submit_s=np.cumsum(random.exponential(gap_s, jobs)).astype(np.int64),
    )


def peak_resident_mb() -> float:
    """The peak of this program: what getrusage reports begins with that of the process which started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
