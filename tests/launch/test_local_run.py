from __future__ import annotations

from dataclasses import replace

import pytest

from stellwerk.errors import InputError, InputErrors
from stellwerk.launch import job_to_measure, machine_from_rates, measuring_job, plan_first_run, training_job
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.planner import plan_layout
from tests.launch.first_run_case import EXAMPLE, RATES, WORKLOAD


def test_as_many_steps_as_the_plan_fits_into_the_time() -> None:
    run = plan_first_run(WORKLOAD, RATES, seconds=30, file=EXAMPLE)
    assert run.plan.duration_s.best <= 30 < run.plan.duration_s.best + run.plan.step_time_s.best
    assert run.job.steps == run.workload.training.steps < run.steps_asked == WORKLOAD.training.steps
    assert run.workload.training.tokens == run.job.steps * run.job.tokens_per_step


def test_the_file_s_tokens_are_the_upper_limit() -> None:
    run = plan_first_run(WORKLOAD, RATES, seconds=1e9, file=EXAMPLE)
    assert run.job.steps == run.steps_asked


def test_the_job_does_what_was_planned() -> None:
    run = plan_first_run(WORKLOAD, RATES, seconds=30, file=EXAMPLE)
    layout = run.plan.layout
    assert (layout.data, layout.sharding, layout.tensor, layout.pipeline) == (run.job.processes, "full", 1, 1)
    assert (run.job.micro_batch, run.job.micro_batches) == (layout.micro_batch, layout.micro_batches)
    assert run.job.tokens_per_step == WORKLOAD.training.tokens_per_step
    assert run.plan == plan_layout(run.workload, machine_from_rates(RATES), layout)


def test_a_machine_that_computes_faster_in_fp32_does_so() -> None:
    run = plan_first_run(WORKLOAD, replace(RATES, compute_type="fp32"), seconds=30, file=EXAMPLE)
    assert run.job.compute_type == "fp32"


def test_little_memory_makes_more_micro_batches() -> None:
    whole = plan_first_run(WORKLOAD, RATES, seconds=30, file=EXAMPLE).plan
    tight = replace(RATES, memory_bytes=int(2 / 0.8 * (whole.memory_bytes - 10e6)))
    run = plan_first_run(WORKLOAD, tight, seconds=30, file=EXAMPLE)
    assert run.job.micro_batches > 1
    assert run.plan.memory_bytes <= machine_from_rates(tight).memory_bytes
    assert run.job.tokens_per_step == WORKLOAD.training.tokens_per_step


def test_a_sequence_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"training\.sequence_length: one sequence at a time needs"):
        plan_first_run(WORKLOAD, replace(RATES, memory_bytes=700_000_000), seconds=30, file=EXAMPLE)


def test_a_time_too_short_for_one_step_is_refused() -> None:
    with pytest.raises(InputError, match=r"--seconds: not one step fits the time \(got 0.001\)"):
        plan_first_run(WORKLOAD, RATES, seconds=0.001, file=EXAMPLE)


def test_mfu_refers_to_the_best_product_and_memory_leaves_room() -> None:
    machine = machine_from_rates(RATES)
    assert (machine.peak_flops, machine.matmul_flops) == (2.0e11, 1.8e11)
    assert machine.devices == machine.devices_per_node == 2
    assert 2 * machine.memory_bytes < RATES.memory_bytes
    assert machine.network_bytes_per_s is None


def test_a_model_that_no_layout_fits_is_refused_before_anything_is_measured() -> None:
    with pytest.raises(InputError, match=r"1\.87M parameters does not fit the memory of this machine"):
        job_to_measure(WORKLOAD, file=EXAMPLE, memory_bytes=30_000_000)


def test_a_model_that_the_program_cannot_train_is_refused() -> None:
    other = replace(WORKLOAD, architecture=replace(WORKLOAD.architecture, vocab=32_000))
    with pytest.raises(InputErrors, match=r"model\.vocab"):
        job_to_measure(other, file=EXAMPLE, memory_bytes=10**12)


def test_both_programs_read_the_job_of_the_run_directory() -> None:
    directory = RunDirectory(EXAMPLE.parent)
    for job, module in (
        (measuring_job(directory), "stellwerk.training.measure"),
        (training_job(directory), "stellwerk.training.program"),
    ):
        assert job.program[:4] == ("-m", module, "--job", str(directory.job))
        assert job.processes == 2
        assert job.environment == {"OMP_NUM_THREADS": "1"}
    assert measuring_job(directory).log != training_job(directory).log
