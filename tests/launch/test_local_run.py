from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.catalog import load_catalogue
from stellwerk.errors import InputError, InputErrors
from stellwerk.launch import Place, job_to_measure, machine_from_rates, measuring_job, place_on, reference_job
from stellwerk.launch.record_row import GPU_NAMES
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.planner import plan_layout
from stellwerk.training import Accelerators, FineTuning, ModelDetails
from stellwerk.training.huggingface.config import config_values
from stellwerk.workload import Program, RunSettings
from tests.launch.local_run_case import EXAMPLE, PLACE, RATES, WORKLOAD, planned

GPUS = Accelerators(count=4, name="NVIDIA H100 80GB HBM3", memory_bytes=80_000_000_000)


def test_as_many_steps_as_the_plan_fits_into_the_time() -> None:
    run = planned()
    assert run.job is not None
    assert run.plan.duration_s.best <= 30 < run.plan.duration_s.best + run.plan.step_time_s.best
    assert run.job.steps == run.expected.steps == run.workload.training.steps
    assert run.expected.steps < run.expected.steps_asked == WORKLOAD.training.steps
    assert run.workload.training.tokens == run.job.steps * run.job.tokens_per_step


@pytest.mark.parametrize("seconds", [None, 1e9])
def test_the_file_s_tokens_are_the_default_and_the_upper_limit(seconds: float | None) -> None:
    assert planned(seconds=seconds).expected.steps == WORKLOAD.training.steps


def test_the_job_does_what_was_planned() -> None:
    run = planned()
    layout = run.plan.layout
    assert run.job is not None
    assert (layout.data, layout.sharding, layout.tensor, layout.pipeline) == (run.job.processes, "full", 1, 1)
    assert (run.job.micro_batch, run.job.micro_batches) == (layout.micro_batch, layout.micro_batches)
    assert run.job.recomputation == layout.recomputation
    assert run.job.tokens_per_step == WORKLOAD.training.tokens_per_step
    assert run.plan == plan_layout(run.workload, machine_from_rates(RATES, PLACE), layout)


def test_a_machine_that_computes_faster_in_fp32_does_so() -> None:
    run = planned(rates=replace(RATES, compute_type="fp32"))
    assert run.job is not None
    assert run.job.compute_type == run.expected.compute_type == "fp32"


def test_a_fine_tuning_computes_as_its_base_and_keeps_what_is_frozen_in_16_bits(tmp_path: Path) -> None:
    details = ModelDetails(rope_theta=5000.0, norm_epsilon=1e-6)
    values = config_values(WORKLOAD.architecture, details, max_length=256, special_tokens={})
    (tmp_path / "config.json").write_text(json.dumps(values))
    run = planned(replace(WORKLOAD, task=replace(WORKLOAD.training, method="lora"), run=RunSettings(base=tmp_path)))
    assert run.job is not None
    assert run.job.fine_tuning == FineTuning(base=str(tmp_path), method="lora", lora_rank=WORKLOAD.training.lora_rank)
    assert run.job.details == details
    assert run.job.optimization.weight_type == "bf16"


def test_little_memory_makes_smaller_micro_batches_or_recomputes() -> None:
    whole = planned().plan
    tight = replace(RATES, memory_bytes=int(2 / 0.8 * (whole.memory_bytes - 10e6)))
    run = planned(rates=tight)
    assert run.job is not None
    assert run.job.micro_batches > 1 or run.job.recomputation != "none"
    assert run.plan.memory_bytes <= machine_from_rates(tight, PLACE).memory_bytes
    assert run.job.tokens_per_step == WORKLOAD.training.tokens_per_step


def test_a_sequence_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"training\.sequence_length: one sequence at a time needs"):
        planned(rates=replace(RATES, memory_bytes=700_000_000))


def test_a_time_too_short_for_one_step_is_refused() -> None:
    with pytest.raises(InputError, match=r"--seconds: not one step fits the time \(got 0.001\)"):
        planned(seconds=0.001)


def test_mfu_refers_to_the_best_product_and_memory_leaves_room() -> None:
    machine = machine_from_rates(RATES, PLACE)
    assert (machine.peak_flops, machine.matmul_flops) == (2.0e11, 1.8e11)
    assert machine.devices == machine.devices_per_node == 2
    assert 2 * machine.memory_bytes < RATES.memory_bytes
    assert machine.network_bytes_per_s is None


def test_only_an_accelerator_communicates_beside_computing() -> None:
    assert machine_from_rates(RATES, PLACE).overlap == 0
    assert machine_from_rates(RATES, replace(PLACE, device="cuda")).overlap is None, "the fitted constant counts"


def test_every_accelerator_takes_a_process_and_compiles() -> None:
    place = place_on(GPUS, processes=None, machine_memory_bytes=1)
    assert (place.device, place.processes, place.memory_bytes) == ("cuda", 4, 4 * GPUS.memory_bytes)
    job = planned(place=place).job
    assert job is not None
    assert (job.device, job.compile, job.processes) == ("cuda", True, 4)


def test_on_an_accelerator_of_the_catalogue_mfu_refers_to_the_data_sheet() -> None:
    place = place_on(GPUS, load_catalogue(), processes=1, machine_memory_bytes=1)
    machine = machine_from_rates(RATES, place)
    assert machine.peak_flops == pytest.approx(989e12, rel=1e-2), "dense bf16, without the factor two of sparsity"
    assert machine.matmul_flops == RATES.model_matmul_flops
    assert machine.power_w is not None
    unknown = place_on(replace(GPUS, name="Something new"), load_catalogue(), processes=1, machine_memory_bytes=1)
    assert machine_from_rates(RATES, unknown).peak_flops == RATES.best_matmul_flops


def test_every_accelerator_that_has_a_name_is_in_the_catalogue() -> None:
    assert {name.lower() for name in GPU_NAMES.values()} <= load_catalogue().accelerators.keys()


def test_without_accelerators_two_processes_share_the_processor() -> None:
    assert place_on(None, processes=None, machine_memory_bytes=7) == Place("cpu", 2, 7)
    assert place_on(None, processes=3, machine_memory_bytes=7).processes == 3
    job = planned().job
    assert job is not None
    assert (job.device, job.compile) == ("cpu", False)


def test_a_process_alone_has_nobody_to_talk_to() -> None:
    """It measures no rate between processes: nothing was sent."""
    run = planned(rates=replace(RATES, processes=1, link_bytes_per_s=0.0), place=replace(PLACE, processes=1))
    assert run.plan.step_parts_s["data_parallel"] == 0
    assert run.job is not None
    assert run.job.processes == 1


def test_processes_that_share_layers_share_their_data() -> None:
    shape = replace(WORKLOAD.architecture, heads=4, kv_heads=4)
    run = planned(replace(WORKLOAD, architecture=shape, run=RunSettings(tensor_parallel=2)))
    assert (run.plan.layout.tensor, run.plan.layout.data) == (2, 1)
    assert run.job is not None
    assert (run.job.tensor, run.job.data_parallel) == (2, 1)
    assert run.job.tokens_per_step == WORKLOAD.training.tokens_per_step


def test_layers_that_cannot_be_cut_evenly_are_refused() -> None:
    """The example has three heads."""
    with pytest.raises(InputErrors, match=r"run\.tensor_parallel: .*\(got 2\); allowed: a divisor of 3, the heads"):
        job_to_measure(replace(WORKLOAD, run=RunSettings(tensor_parallel=2)), PLACE, file=EXAMPLE)


def test_more_processes_than_accelerators_are_refused() -> None:
    with pytest.raises(InputError, match=r"--processes: one process takes one accelerator, and there are 4 \(got 5\)"):
        place_on(GPUS, processes=5, machine_memory_bytes=1)


def test_a_model_that_no_layout_fits_is_refused_before_anything_is_measured() -> None:
    with pytest.raises(InputError, match=r"1\.87M parameters does not fit the memory of this machine"):
        job_to_measure(WORKLOAD, replace(PLACE, memory_bytes=30_000_000), file=EXAMPLE)


def test_a_batch_that_the_processes_cannot_share_is_refused() -> None:
    with pytest.raises(InputError, match=r"global_batch_sequences: .*\(got 8\); allowed: a multiple of 3"):
        job_to_measure(WORKLOAD, replace(PLACE, processes=3), file=EXAMPLE)


@pytest.mark.parametrize(
    ("batch", "length", "micro_batch"), [(8, 256, 4), (512, 1024, 8), (6, 2048, 3), (4, 65_536, 1)]
)
def test_a_large_batch_is_measured_in_parts(batch: int, length: int, micro_batch: int) -> None:
    training = replace(WORKLOAD.training, global_batch_sequences=batch, sequence_length=length)
    foreign = replace(WORKLOAD, task=training, program=Program(command=("train.py",)))
    assert job_to_measure(foreign, PLACE, file=EXAMPLE).micro_batch == micro_batch


def test_settings_of_the_file_reach_the_program() -> None:
    settings = RunSettings(
        dataset=Path("/data/tokens"),
        learning_rate=1e-4,
        schedule="cosine",
        warm_up_share=0.1,
        weight_decay=0.2,
        seed=7,
        checkpoint_every=11,
        keep_checkpoints=3,
        evaluate_every=50,
        prompt="Art 1 ",
        compile=True,
    )
    job = planned(replace(WORKLOAD, run=settings)).job
    assert job is not None
    optimization = job.optimization
    assert (optimization.learning_rate, optimization.schedule, optimization.weight_decay) == (1e-4, "cosine", 0.2)
    assert (job.dataset, job.seed, job.prompt, job.compile) == ("/data/tokens", 7, "Art 1 ", True)
    assert (job.checkpoint_every, job.keep_checkpoints, job.evaluate_every) == (11, 3, 50)


def test_a_short_run_has_some_checkpoints_and_a_long_one_loses_about_five_minutes() -> None:
    short, long = (
        planned(seconds=30),
        planned(replace(WORKLOAD, task=replace(WORKLOAD.training, tokens=10**12)), seconds=None),
    )
    assert short.job is not None
    assert long.job is not None
    assert 4 <= short.job.steps / (short.job.checkpoint_every or 1) + 1 <= 6
    assert (long.job.checkpoint_every or 0) * long.plan.step_time_s.best == pytest.approx(300, rel=0.01)


def test_a_program_of_one_s_own_gets_a_plan_and_no_job() -> None:
    foreign = replace(
        WORKLOAD,
        architecture=replace(WORKLOAD.architecture, vocab=32_000, gated_mlp=False),
        program=Program(command=("train.py",)),
    )
    job_to_measure(foreign, PLACE, file=EXAMPLE)
    run = planned(foreign)
    assert run.job is None
    assert run.expected.steps == run.workload.training.steps


def test_both_programs_read_the_job_of_the_run_directory() -> None:
    directory = RunDirectory(EXAMPLE.parent)
    for job, module in (
        (measuring_job(directory, 2), "stellwerk.training.measure"),
        (reference_job(directory, 2), "stellwerk.training.program"),
    ):
        assert job.program[:4] == ("-m", module, "--job", str(directory.job))
        assert job.processes == 2
        assert job.environment == {"OMP_NUM_THREADS": "1"}
    assert measuring_job(directory, 2).log != reference_job(directory, 2).log
