"""Read public tables of jobs through the ready mappings and compare sums of their columns with known ones.

    STELLWERK_TRACES=DIRECTORY python scripts/check_mappings.py

The directory holds the tables. Prints one line per table; ends with 1 if any sum differs or a table is missing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stellwerk.records import read_jobs

MAPPINGS = Path(__file__).parents[1] / "examples" / "mappings"
SUMS = {
    ("alcf_theta.parquet", "alcf-theta"): {
        "allocated_nodes": 3_442_157,
        "run_s": 125_900_368,
        "wait_s": 673_569_618,
        "requested_s": 219_922_680,
    },
    ("nrel_eagle_sample1k.parquet", "nrel-eagle"): {
        "requested_nodes": 15_644,
        "requested_processors": 91_777,
        "requested_accelerators": 22,
        "run_s": 9_871_709,
        "requested_s": 34_666_500,
    },
    ("philly_2017_gpu_jobs.parquet", "philly"): {"allocated_accelerators": 107_235, "run_s": 1_080_390_950},
}


def main() -> int:
    if "STELLWERK_TRACES" not in os.environ:
        print(__doc__, file=sys.stderr)
        return 2
    traces = Path(os.environ["STELLWERK_TRACES"])
    differing = 0
    for (data, mapping), expected in SUMS.items():
        jobs = read_jobs(traces / data, mapping=MAPPINGS / f"{mapping}.toml")
        found = {name: int(getattr(jobs, name).sum()) for name in expected}
        same = found == expected and not jobs.dropped
        differing += not same
        print(f"{data}: {len(jobs):,} jobs: {'as expected' if same else f'{found} instead of {expected}'}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
