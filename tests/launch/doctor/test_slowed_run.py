"""Real trainings that something slows down on purpose, and what the doctor says of them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.launch.doctor import diagnose, read_evidence
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.training import write_json
from tests.launch.doctor.case import JOB

pytest.importorskip("torch", reason="needs the extra [train]")
pytestmark = pytest.mark.slow

SMALL = replace(JOB, architecture=replace(JOB.architecture, layers=2), steps=14, micro_batches=1, profile_every=2,
                checkpoint_every=None, evaluate_every=None)  # fmt: skip


def train_slowed(folder: Path, what: str, rank: str) -> None:
    directory = RunDirectory(folder)
    write_json(directory.job, SMALL)
    program = Path(__file__).with_name("slowed_program.py")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program),
         "--job", str(directory.job), "--out", str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "SLOWED": what, "SLOWED_RANK": rank},
        check=True,
        capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("what", "rank", "code"),
    [
        ("data", "", "doctor_data_wait"),
        ("data", "1", "doctor_data_wait_one"),
        ("computing", "1", "doctor_straggler"),
    ],
)
def test_a_run_slowed_down_on_purpose_is_explained(tmp_path: Path, what: str, rank: str, code: str) -> None:
    train_slowed(tmp_path, what, rank)
    diagnosis = diagnose(read_evidence(tmp_path))
    first = diagnosis.findings[0]
    assert first.cause.code == code, diagnosis.findings
    assert first.share is not None
    assert first.share > 0.4
    if rank:
        assert first.cause.params["rank"] == int(rank)
    assert [reason.code for reason in diagnosis.missing] == ["doctor_no_plan", "doctor_no_energy"]

    shown = CliRunner().invoke(main, ["doctor", str(tmp_path), "--lang", "de"])
    assert shown.exit_code == 0
    assert f"1. etwa {round(first.share * 100)} % der Zeit" in shown.output
    assert "Nicht beurteilt:" in shown.output
