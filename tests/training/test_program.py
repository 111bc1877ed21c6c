from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.errors import RunError  # noqa: E402
from stellwerk.launch import Job  # noqa: E402
from stellwerk.launch.engines.local import start  # noqa: E402
from stellwerk.training import Optimization, TrainingJob, read_metrics, read_outcome, write_json  # noqa: E402
from stellwerk.training.program import TrainingStoppedError, check_finite  # noqa: E402
from stellwerk.workload import Architecture  # noqa: E402

JOB = TrainingJob(
    architecture=Architecture(layers=1, hidden=32, heads=2, kv_heads=1, head_dim=16, ffn_hidden=64, vocab=256),
    processes=1,
    sequence_length=64,
    micro_batch=4,
    micro_batches=1,
    steps=8,
    compute_type="bf16",
)


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (2.0, math.nan), (2.0, math.inf)])
def test_a_step_without_a_number_stops_the_training_and_names_it(loss: float, norm: float) -> None:
    with pytest.raises(TrainingStoppedError, match=f"at step 7 the loss is {loss}, the gradient norm {norm}"):
        check_finite(7, loss, norm)


def test_a_step_with_numbers_goes_on() -> None:
    check_finite(7, 2.0, 300.0)


def train(job: TrainingJob, directory: Path) -> None:
    directory.mkdir()
    write_json(directory / "job.json", job)
    program = ("-m", "stellwerk.training.program", "--job", str(directory / "job.json"), "--out", str(directory))
    process = start(Job(program, job.processes, directory / "training.log", {"OMP_NUM_THREADS": "1"}))
    try:
        for _ in process.follow(60.0):
            pass
    finally:
        process.stop()


@pytest.mark.slow
def test_processes_and_micro_batches_do_not_change_what_is_learnt(tmp_path: Path) -> None:
    """One process with whole batches, or two that sum over micro-batches: the same sequences, the same losses."""
    train(replace(JOB, compute_type="fp32"), tmp_path / "one")
    train(replace(JOB, compute_type="fp32", processes=2, micro_batch=1, micro_batches=2), tmp_path / "two")
    one, two = (read_metrics(tmp_path / name / "metrics.jsonl") for name in ("one", "two"))
    assert [step.loss for step in two] == pytest.approx([step.loss for step in one], rel=1e-4)
    outcomes = [read_outcome(tmp_path / name / "outcome.json") for name in ("one", "two")]
    assert outcomes[1].held_out_loss == pytest.approx(outcomes[0].held_out_loss, rel=1e-3)


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"exit code 1; log: .*training\.log"):
        train(replace(JOB, optimization=Optimization(learning_rate=1e30)), tmp_path / "run")
    reason = (tmp_path / "run" / "failure.txt").read_text(encoding="utf-8")
    assert reason.startswith("at step 2 the loss is ")
    assert "nan" in reason
    assert not (tmp_path / "run" / "outcome.json").exists()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(math.isfinite(json.loads(line)["loss"]) for line in lines)
