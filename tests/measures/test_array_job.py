from __future__ import annotations

from pathlib import Path

from stellwerk.measures.array_job import render_array_job

GOLDEN = """\
#!/bin/bash
#SBATCH --job-name=stellwerk-sweep
#SBATCH --array=0-7
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --chdir="/home/a b"
#SBATCH --output=/scratch/sweep/logs/%a.txt
set -eu
export OMP_NUM_THREADS=1
exec stellwerk simulate 'my log.swf' --cluster c.toml --sweep nodes=+0,+16 --scenario "$SLURM_ARRAY_TASK_ID"
"""


def test_the_job_of_a_sweep_is_an_array_with_an_element_per_scenario() -> None:
    command = ["stellwerk", "simulate", "my log.swf", "--cluster", "c.toml", "--sweep", "nodes=+0,+16"]
    found = render_array_job(command, scenarios=8, folder=Path("/scratch/sweep"), working_folder=Path("/home/a b"))
    assert found == GOLDEN
