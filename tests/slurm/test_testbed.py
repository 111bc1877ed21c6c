"""The real Slurm that other tests judge by: jobs run on the nodes and GPUs that they ask for, and are accounted for."""

from __future__ import annotations

import os
import stat
import time

import pytest

from tests.slurm.testbed import Slurm

pytestmark = pytest.mark.slurm


def test_a_job_runs_on_the_gpus_that_it_asks_for_and_is_accounted_for(slurm: Slurm) -> None:
    script = '#!/bin/sh\necho "$SLURM_JOB_NUM_NODES $CUDA_VISIBLE_DEVICES"\n'
    output = slurm.folder / "log" / "job.out"
    asked = ("--nodes=2", "--gpus-per-node=3", f"--output={output}", "--wait", "--parsable")
    job = slurm.run("sbatch", *asked, text=script).split()[0]
    assert output.read_text(encoding="utf-8") == "2 0,1,2\n"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:  # the database hears of the end a little later
        row = slurm.run("sacct", "-nPX", "-j", job, "--format=State,NNodes,AllocTRES").strip()
        if row.startswith("COMPLETED"):
            break
        time.sleep(0.2)
    state, nodes, tres = row.split("|")
    assert (state, nodes) == ("COMPLETED", "2")
    assert "gres/gpu=6" in tres.split(",")


def test_changed_settings_hold_after_the_restart_and_go_again(slurm: Slurm) -> None:
    slurm.configure({"PriorityWeightAge": "17"})
    changed = slurm.run("scontrol", "show", "config")
    slurm.configure({})
    assert "PriorityWeightAge       = 17\n" in changed
    assert "PriorityWeightAge       = 17\n" not in slurm.run("scontrol", "show", "config")


def test_nobody_else_can_read_its_secrets(slurm: Slurm) -> None:
    for name in ("slurmdbd.conf", "munge/key"):
        found = (slurm.folder / name).stat()
        assert stat.S_IMODE(found.st_mode) == 0o600
        assert found.st_uid == os.getuid()
