from __future__ import annotations

import subprocess
from pathlib import Path

from stellwerk.launch import Job
from stellwerk.launch.engines.local import render_command, render_script

GOLDEN = Path(__file__).parent / "golden" / "command.sh"

JOB = Job(
    program=("-m", "stellwerk.training.program", "--job", "/runs/my first/job.json", "--out", "/runs/my first"),
    processes=2,
    log=Path("/runs/my first/run.log"),
    environment={"OMP_NUM_THREADS": "1", "GREETING": "it's"},
)


def test_a_job_becomes_the_arguments_of_torchrun() -> None:
    assert render_command(JOB, "/usr/bin/python3") == (
        "/usr/bin/python3",
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--local-addr=127.0.0.1",
        "--nproc-per-node=2",
        "-m",
        "stellwerk.training.program",
        "--job",
        "/runs/my first/job.json",
        "--out",
        "/runs/my first",
    )


def test_the_script_is_the_golden_one() -> None:
    assert render_script(JOB, "/usr/bin/python3") == GOLDEN.read_text(encoding="utf-8")


def test_a_shell_runs_the_script_with_environment_and_log(tmp_path: Path) -> None:
    """A stand-in for Python prints what it was called with."""
    interpreter = tmp_path / "an interpreter"
    interpreter.write_text('#!/bin/sh\necho "$GREETING"\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    interpreter.chmod(0o755)
    log = tmp_path / "a log"
    job = Job(("script.py", "a b"), processes=3, log=log, environment={"GREETING": "it's"})
    subprocess.run(["sh", "-c", render_script(job, str(interpreter))], check=True)
    expected = ["it's", *render_command(job, "")[1:]]
    assert log.read_text(encoding="utf-8").splitlines() == expected
