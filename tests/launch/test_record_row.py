from __future__ import annotations

import csv
import dataclasses
import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.launch.expectation import write_expectation
from stellwerk.launch.record_row import MeasuredRun, read_measured_run, run_record_row, write_run_record
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import Attempt, RunRecord
from stellwerk.records import read_training_runs
from stellwerk.training import Outcome, write_json
from stellwerk.workload.model import Experts
from tests.launch.doctor.case import ARCHITECTURE, EXPECTED, JOB, lines

NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
ON_GPUS = replace(JOB, device="cuda", compile=True)
OUTCOME = Outcome(
    parameters=10**6,
    training_time_s=10.0,
    held_out_loss=1.0,
    held_out_tokens=100,
    peak_memory_bytes=2 * 10**9,
    base_memory_bytes=10**8,
    sample="",
    torch_version="2.13.0",
    text_sha256="0",
)
RUN = MeasuredRun(
    name="german-1b",
    when="2026-01-02T12:00:00+00:00",
    architecture=ARCHITECTURE,
    model="german-1b",
    method="pretraining",
    sequence_length=128,
    global_batch_sequences=16,
    processes=2,
    attempts=1,
    metrics=lines(),
    hardware="NVIDIA H100 80GB HBM3",
    expected=EXPECTED,
    job=ON_GPUS,
    outcome=OUTCOME,
)


def test_a_row_says_what_ran_where_how_and_how_fast() -> None:
    row = run_record_row(RUN)
    assert (row.gpu, row.n_gpus, row.tp, row.pp, row.dp) == ("H100-SXM-80GB", 2, 1, 1, 2)
    assert row.tp * row.pp * row.dp == row.n_gpus
    assert (row.layers, row.hidden, row.vocab, row.seq_len) == (4, 64, 256, 128)
    assert (row.micro_batch, row.global_batch_sequences, row.zero_or_fsdp_stage) == (4, 16, 3)
    assert (row.precision, row.recompute, row.task, row.attention_kind) == ("bf16", "none", "pretrain", "mha")
    assert row.step_time_s == pytest.approx(0.1015)
    assert row.tokens_per_s_per_gpu == pytest.approx(16 * 128 / 0.1015 / 2, rel=1e-5)
    assert row.mfu_reported == pytest.approx(1e6 * 16 * 128 / 0.1015 / (2 * 1e11), rel=1e-5)
    assert row.tflops_per_gpu_reported == pytest.approx(row.mfu_reported * 0.1, rel=1e-5)
    assert (row.peak_memory_gb, row.memory_measure) == (2.0, "reserved")
    assert (row.provenance, row.flops_convention) == ("primary", "model")
    assert row.experts is None


def test_a_mixture_of_experts_gives_the_width_of_one_expert() -> None:
    experts = Experts(routed=8, per_token=2, ffn_hidden=32, shared_ffn_hidden=64, dense_layers=1)
    row = run_record_row(replace(RUN, architecture=replace(ARCHITECTURE, experts=experts)))
    assert (row.experts, row.experts_active, row.ffn_hidden, row.shared_experts) == (8, 2, 32, 2)
    assert (row.dense_layers, row.dense_ffn_hidden) == (1, 256)


def test_a_program_of_one_s_own_states_no_layout_and_no_memory() -> None:
    row = run_record_row(replace(RUN, job=None, outcome=None, expected=None))
    assert row.step_time_s == pytest.approx(0.1015)
    for name in ("tp", "dp", "micro_batch", "precision", "mfu_reported", "peak_memory_gb", "flops_convention"):
        assert getattr(row, name) is None, name


def test_on_a_processor_memory_is_another_quantity_and_stays_empty() -> None:
    row = run_record_row(replace(RUN, job=JOB, hardware="AMD EPYC 9654"))
    assert (row.gpu, row.peak_memory_gb, row.memory_measure) == ("AMD EPYC 9654", None, None)
    assert row.notes is not None
    assert "processors" in row.notes


def test_without_step_times_there_is_no_speed() -> None:
    row = run_record_row(replace(RUN, metrics=[replace(one, step_time_s=None) for one in lines()]))
    assert (row.step_time_s, row.tokens_per_s_per_gpu, row.mfu_reported) == (None, None, None)


@pytest.mark.parametrize(
    ("device", "hardware"), [("cuda", "NVIDIA H200"), ("cpu", "Intel(R) Xeon(R) Platinum 8480+"), (None, "NVIDIA H200")]
)
def test_the_files_of_a_run_make_its_row(tmp_path: Path, device: str | None, hardware: str) -> None:
    directory = RunDirectory(tmp_path)
    architecture = dataclasses.asdict(ARCHITECTURE)
    training = {"method": "pretraining", "sequence_length": 128, "global_batch_sequences": 16}
    directory.resolved.write_text(
        json.dumps({"name": "german-1b", "model_name": None, "architecture": architecture, "training": training})
    )
    directory.environment.write_text(
        "# python 3.11\n# processor Intel(R) Xeon(R) Platinum 8480+, 224 cores\n# memory 8 bytes\n"
        "# accelerators 2 x NVIDIA H200, 150754820096 bytes each\ntorch==2.13.0\n"
    )
    if device is not None:
        write_json(directory.job, replace(JOB, device=device))
    write_expectation(directory.plan, EXPECTED)
    directory.metrics.write_text("".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in lines()))
    record = RunRecord("key", "local", 2, (Attempt("finished", NOON, NOON),))
    assert read_measured_run(directory, record).hardware == hardware
    row = write_run_record(directory, record)
    assert read_training_runs(directory.run_record) == (row,)
    assert row.id == "german-1b-2026-01-02T12:00:00+00:00"
    write_run_record(directory, record)  # the result of a run is shown again
    with directory.run_record.open() as file:
        assert len(list(csv.DictReader(file))) == 1
