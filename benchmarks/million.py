"""Replay a log of .npy columns under EASY and print the memory and the seconds that it takes.

    python benchmarks/million.py FOLDER

Prints the peak of the process in MB when the kernel is loaded and has run once, when the table is in memory and
after the replay; then the seconds of a second replay.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np
from synthetic import PROCESSORS, table_of

from stellwerk.simulation import Cluster, Easy, simulate


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    folder, cluster = Path(sys.argv[1]), Cluster.pooled(PROCESSORS)
    one = np.ones(1, np.int64)
    simulate(
        table_of({"submit_s": one, "run_s": one, "requested_s": one, "allocated_processors": one.astype(np.int32)}),
        cluster=cluster,
        policy=Easy(),
    )
    ready_mb = peak_mb()
    jobs = table_of({file.stem: np.load(file) for file in sorted(folder.glob("*.npy"))})
    table_mb = peak_mb()
    simulate(jobs, cluster=cluster, policy=Easy())
    replayed_mb = peak_mb()
    started_s = time.perf_counter()
    schedule = simulate(jobs, cluster=cluster, policy=Easy())
    seconds = time.perf_counter() - started_s
    print(ready_mb, table_mb, replayed_mb, seconds, schedule.wait_s.mean())


if __name__ == "__main__":
    main()
