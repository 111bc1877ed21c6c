from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.dataset import open_dataset  # noqa: E402
from stellwerk.errors import InputError, RunError  # noqa: E402
from stellwerk.launch import Job  # noqa: E402
from stellwerk.launch.engines.local import start  # noqa: E402
from stellwerk.launch.engines.local.host import processes_with, send  # noqa: E402
from stellwerk.training import Optimization, SpikeGuard, TrainingJob, read_metrics, read_outcome, write_json  # noqa: E402
from stellwerk.training.contract import RUN_DIRECTORY, STOP_FILE  # noqa: E402
from stellwerk.training.program import open_source  # noqa: E402
from stellwerk.workload import Architecture  # noqa: E402
from tests.dataset.texts import SMALL, drawn_text, make, write_texts  # noqa: E402

JOB = TrainingJob(
    architecture=Architecture(layers=1, hidden=32, heads=2, kv_heads=1, head_dim=16, ffn_hidden=64, vocab=256),
    processes=1,
    sequence_length=64,
    micro_batch=4,
    micro_batches=1,
    steps=8,
    compute_type="bf16",
)
LONGEST_WAIT_S = 240.0


def train(job: TrainingJob, directory: Path, until: Callable[[], bool] = lambda: False) -> None:
    """Trains to the end, or until a condition holds; then every process is killed without a word."""
    directory.mkdir(exist_ok=True)
    (directory / "failure.txt").unlink(missing_ok=True)
    write_json(directory / "job.json", job)
    program = ("-m", "stellwerk.training.program", "--job", str(directory / "job.json"), "--out", str(directory))
    environment = {"OMP_NUM_THREADS": "1", STOP_FILE: str(directory / "stop"), RUN_DIRECTORY: str(directory)}
    process = start(Job(program, job.processes, directory / "training.log", environment))
    began = time.monotonic()
    try:
        for _ in process.follow(0.05):
            assert time.monotonic() - began < LONGEST_WAIT_S
            if until():
                for one in processes_with(RUN_DIRECTORY, str(directory)):
                    send(one.id, signal.SIGKILL)
                break
    finally:
        process.stop()


def steps_of(directory: Path) -> int:
    metrics = directory / "metrics.jsonl"
    steps = read_metrics(metrics) if metrics.exists() else ()
    return steps[-1].step if steps else 0


def test_a_model_that_knows_fewer_tokens_than_the_text_has_is_refused() -> None:
    small = replace(JOB, architecture=replace(JOB.architecture, vocab=200))
    with pytest.raises(InputError, match=r"model\.vocab: the tokenizer has more tokens .* at least 256"):
        open_source(small)


@pytest.mark.slow
def test_a_run_killed_three_times_learns_what_an_undisturbed_one_learns(tmp_path: Path) -> None:
    """kill -9 at steps that lie before, at and between checkpoints; the last attempt has one process, not two."""
    job = replace(JOB, compute_type="fp32", processes=2, micro_batch=1, micro_batches=2, steps=40, checkpoint_every=7)
    train(job, tmp_path / "undisturbed")
    disturbed = tmp_path / "disturbed"
    for last_step in (3, 15, 28):
        train(job, disturbed, until=lambda last_step=last_step: steps_of(disturbed) >= last_step)  # type: ignore[misc]
        assert not (disturbed / "outcome.json").exists()
    train(replace(job, processes=1, micro_batch=4, micro_batches=1), disturbed)

    expected, seen = (read_metrics(tmp_path / name / "metrics.jsonl") for name in ("undisturbed", "disturbed"))
    assert [step.step for step in seen] == list(range(1, 41))
    assert [step.loss for step in seen[:21]] == [step.loss for step in expected[:21]], "the same number of processes"
    assert [step.loss for step in seen] == pytest.approx([step.loss for step in expected], rel=1e-4)
    outcomes = [read_outcome(tmp_path / name / "outcome.json") for name in ("undisturbed", "disturbed")]
    assert outcomes[1].held_out_loss == pytest.approx(outcomes[0].held_out_loss, rel=1e-3)
    assert outcomes[1].sample == outcomes[0].sample


@pytest.mark.slow
def test_a_run_that_is_asked_to_stop_ends_well_and_goes_on(tmp_path: Path) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    job = replace(JOB, steps=12, evaluate_every=4)
    train(job, whole)
    run.mkdir()
    (run / "stop").touch()
    train(job, run)
    assert steps_of(run) == 1
    assert not (run / "outcome.json").exists()
    (run / "stop").unlink()
    train(job, run)
    expected, seen = (read_metrics(folder / "metrics.jsonl") for folder in (whole, run))
    assert [step.loss for step in seen] == [step.loss for step in expected]
    assert [step.step for step in seen if step.held_out_loss is not None] == [4, 8, 12]


@pytest.mark.slow
def test_a_corrupt_shard_and_a_foreign_tokenizer_end_the_run_and_mended_it_goes_on(tmp_path: Path) -> None:
    dataset, run = tmp_path / "dataset", tmp_path / "run"
    write_texts(tmp_path / "in", [drawn_text(seed) for seed in range(40)])
    make(tmp_path / "in", dataset, replace(SMALL, shard_tokens=3000))
    vocab = open_dataset(dataset).vocabulary
    job = replace(JOB, architecture=replace(JOB.architecture, vocab=vocab), dataset=str(dataset), steps=6)
    run.mkdir()
    (run / "stop").touch()
    train(job, run)
    (run / "stop").unlink()
    shard, tokenizer = min(dataset.glob("*training*.bin")), dataset / "tokenizer.json"
    whole = {file: file.read_bytes() for file in (shard, tokenizer)}
    for file in whole:
        file.write_bytes(whole[file][:-7] + b" " + whole[file][-6:])
        with pytest.raises(RunError, match="exit code 1"):
            train(job, run)
        assert file.name in (run / "failure.txt").read_text(encoding="utf-8")
        file.write_bytes(whole[file])
    train(job, run)
    assert steps_of(run) == 6
    assert (run / "outcome.json").exists()


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    run = tmp_path / "run"
    broken = replace(JOB, optimization=Optimization(learning_rate=1e30), spike_guard=SpikeGuard(patience=2))
    with pytest.raises(RunError, match=r"exit code 1; log: .*training\.log"):
        train(broken, run)
    reason = (run / "failure.txt").read_text(encoding="utf-8")
    assert re.match(r"at step 4 the loss is .*, the gradient norm nan, and 2 steps before it were left out", reason)
    assert not (run / "outcome.json").exists()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["skipped"] for line in lines] == [False, True, True]
    assert lines[1]["gradient_norm"] is None
