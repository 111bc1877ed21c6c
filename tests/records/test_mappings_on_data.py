"""The ready mappings on the data that they are for, where STELLWERK_TRACES names a directory with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stellwerk.records import read_jobs

TRACES = Path(os.environ.get("STELLWERK_TRACES", "/nonexistent"))
MAPPINGS = Path(__file__).parents[2] / "examples" / "mappings"
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


@pytest.mark.parametrize(("data", "mapping"), list(SUMS), ids=lambda name: name.partition(".")[0])
def test_sums(data: str, mapping: str) -> None:
    if not (TRACES / data).exists():
        pytest.skip("the data are not here")
    jobs = read_jobs(TRACES / data, mapping=MAPPINGS / f"{mapping}.toml")
    assert {name: int(getattr(jobs, name).sum()) for name in SUMS[data, mapping]} == SUMS[data, mapping]
    assert not jobs.dropped
