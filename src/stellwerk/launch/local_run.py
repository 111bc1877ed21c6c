"""From a workload and the measured rates of this machine to a plan and the job that carries it out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stellwerk.catalog import Catalogue
from stellwerk.errors import InputError
from stellwerk.launch.expectation import Expectation, expectation_of
from stellwerk.launch.model import Job
from stellwerk.launch.record_row import GPU_NAMES
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.planner import Layout, Machine, Plan, machine_from_accelerator, plan_layout
from stellwerk.training import (
    Accelerators,
    Device,
    FineTuning,
    Optimization,
    Rates,
    Recomputation,
    TrainingJob,
    check_trainable,
    model_details,
)
from stellwerk.units import Interval, format_count
from stellwerk.workload import Architecture, RunSettings, Training, Workload, count_parameters

PROCESSES_ON_A_PROCESSOR = 2

USABLE_MEMORY_SHARE = 0.8
"""The rest is left to the system and whatever else runs on this machine."""
USABLE_DEVICE_MEMORY_SHARE = 0.94
"""Of an accelerator's; the rest is lost to fragmentation of the allocator, as the planner takes it."""
STATE_BYTES_PER_PARAMETER = 16
"""fp32 weight, gradient and two moments: the least that all processes hold together."""

LEARNING_RATE = 1.5e-3
LEARNING_RATE_HIDDEN = 192
"""The width at which that rate was tried, on runs as short as 60 steps; wider models get less, in proportion (Yang et
al. 2022, table 3)."""
LEARNING_RATE_ADAPTERS = 2e-4
"""What the authors of QLoRA took for Guanaco 7B (https://github.com/artidoro/qlora, scripts/finetune_guanaco_7b.sh)."""
LEARNING_RATE_FULL = 2e-5
"""Llama 2-Chat's (Touvron et al. 2023, arXiv:2307.09288, section 3.1)."""

SECONDS_BETWEEN_CHECKPOINTS = 300.0
"""What a run may lose at most, roughly."""
CHECKPOINTS_OF_A_SHORT_RUN = 4

STEPS_BETWEEN_CLOSER_LOOKS = 250
"""A step under the profiler takes a few percent longer, and its bookkeeping some ten milliseconds."""
CLOSER_LOOKS_AT_A_SHORT_RUN = 8
STEPS_BEFORE_A_CLOSER_LOOK = 5

TOKENS_TO_MEASURE = 8192
"""At most in the micro-batch that rates are measured with, but for a longer sequence."""

ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Place:
    """The processes of a run on this machine: one per accelerator, or some on the processor.

    ``memory_bytes`` is that of the machine, or of all the accelerators together.
    """

    device: Device
    processes: int
    memory_bytes: int
    data_sheet: Machine | None = None
    """What the catalogue says of the accelerators; None on a processor, or where they are not in it."""


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A run that is ready to start. ``workload`` has its tokens reduced to what fits the time; ``job`` is for the
    reference program, None where the workload brings its own."""

    workload: Workload
    plan: Plan
    expected: Expectation
    job: TrainingJob | None


def place_on(
    accelerators: Accelerators | None,
    catalogue: Catalogue | None = None,
    *,
    processes: int | None,
    machine_memory_bytes: int,
) -> Place:
    """All accelerators, two processes where there are none, or as many as asked for. The catalogue says what their
    data sheets do.

    Raises InputError where more are asked for than there are accelerators.
    """
    if accelerators is None:
        return Place("cpu", processes or PROCESSES_ON_A_PROCESSOR, machine_memory_bytes)
    count = processes or accelerators.count
    if count > accelerators.count:
        raise InputError(
            f"one process takes one accelerator, and there are {accelerators.count}",
            key="--processes",
            value=processes,
            allowed=f"1 to {accelerators.count}",
        )
    known = None if catalogue is None else catalogue.accelerators.get(GPU_NAMES.get(accelerators.name, "").lower())
    data_sheet = None if known is None else machine_from_accelerator(known, modules=count, modules_per_node=count)
    return Place("cuda", count, count * accelerators.memory_bytes, data_sheet)


def job_to_measure(workload: Workload, place: Place, *, file: Path) -> TrainingJob:
    """The job whose shapes the measurement takes; its number of steps and micro-batches is not decided yet.

    Raises InputError where the program cannot train the model, or the model cannot fit this machine however it is
    laid out.
    """
    if workload.program is not None:
        _check_batch(workload, place, file=file)
        plain = _plain(workload.architecture)
        return _training_job(replace(workload, architecture=plain), place, _layout_to_measure(workload, place), steps=1)
    check_trainable(workload, processes=place.processes, file=file)
    parameters = count_parameters(workload.architecture).total
    usable_bytes = _usable_share(place) * place.memory_bytes
    trains_all = not workload.training.trains_adapters
    if trains_all and parameters * STATE_BYTES_PER_PARAMETER > usable_bytes:
        raise InputError(
            f"a model of {format_count(parameters)} parameters does not fit the memory of this machine",
            file=file,
            key="model",
            allowed=f"at most {format_count(usable_bytes / STATE_BYTES_PER_PARAMETER)}",
        )
    return _training_job(workload, place, _layout_to_measure(workload, place), steps=1)


def machine_from_rates(rates: Rates, place: Place) -> Machine:
    """This machine as the planner sees it: one process is one device.

    A processor has no data sheet rate that means anything to one process, so MFU refers to the best measured rate
    of a matrix product; on an accelerator of the catalogue it refers to the data sheet. The cores of a processor that
    compute also communicate; an accelerator copies beside computing.
    """
    sheet = place.data_sheet
    machine = Machine(
        name=sheet.name if sheet else "this machine",
        devices=place.processes,
        devices_per_node=place.processes,
        memory_bytes=_usable_share(place) * rates.memory_bytes / place.processes,
        peak_flops=sheet.peak_flops if sheet else rates.best_matmul_flops,
        matmul_flops=rates.model_matmul_flops,
        memory_bandwidth_bytes_per_s=rates.memory_bandwidth_bytes_per_s,
        # one process has nobody to talk to; the value is never used
        link_bytes_per_s=rates.link_bytes_per_s if rates.processes > 1 else rates.memory_bandwidth_bytes_per_s,
        network_bytes_per_s=None,
        runtime_bytes=float(rates.runtime_bytes),
        power_w=sheet.power_w if sheet else None,
        pue=Interval.exactly(1.0),
        accelerator=sheet.accelerator if sheet else "",
        collective_latency_s=rates.collective_latency_s,
        layer_overhead_s=rates.layer_overhead_s,
        attention_flops=rates.attention_flops,
    )
    return replace(machine, overlap=0.0) if place.device == "cpu" else machine


def plan_local_run(workload: Workload, rates: Rates, place: Place, *, seconds: float | None, file: Path) -> LocalRun:
    """Fully sharded over the processes, in the fastest cut of the batch that the memory allows; all steps of the
    workload, or as many as the plan's best estimate fits into ``seconds``.

    Raises InputError where not one step fits the memory or the time.
    """
    machine = machine_from_rates(rates, place)
    plan = _plan_that_fits(workload, place, machine, file=file)
    steps = workload.training.steps
    if seconds is not None:
        steps = min(steps, int(seconds / plan.step_time_s.best))
    if steps < 1:
        raise InputError(
            "not one step fits the time",
            key="--seconds",
            value=seconds,
            allowed=f"at least {plan.step_time_s.best:.1f}, the planned time of one step",
        )
    tokens = steps * workload.training.tokens_per_step
    reduced = replace(workload, task=replace(workload.training, tokens=tokens))
    plan = plan_layout(reduced, machine, plan.layout)
    expected = expectation_of(
        plan,
        reduced,
        steps_asked=workload.training.steps,
        device=place.device,
        compute_type=rates.compute_type,
    )
    if workload.program is not None:
        return LocalRun(reduced, plan, expected, None)
    job = replace(_training_job(reduced, place, plan.layout, steps=steps), compute_type=rates.compute_type)
    if job.checkpoint_every is None:
        job = replace(job, checkpoint_every=_checkpoint_every(steps, plan.step_time_s.best))
    job = replace(job, profile_every=_profile_every(steps))
    return LocalRun(reduced, plan, expected, job)


def measuring_job(directory: RunDirectory, processes: int) -> Job:
    """Measures this machine for the job in the run directory."""
    program = ("-m", "stellwerk.training.measure", "--job", str(directory.job), "--out", str(directory.rates))
    return Job(program, processes, directory.measure_log, ENVIRONMENT)


def reference_job(directory: RunDirectory, processes: int, *, limit_s: float | None = None) -> Job:
    """Trains what the job in the run directory says."""
    program = ("-m", "stellwerk.training.program", "--job", str(directory.job), "--out", str(directory.path))
    return Job(program, processes, directory.log, ENVIRONMENT, limit_s=limit_s)


def _check_batch(workload: Workload, place: Place, *, file: Path) -> None:
    batch = workload.training.global_batch_sequences
    if batch % place.processes:
        raise InputError(
            "cannot be shared out evenly",
            file=file,
            key="training.global_batch_sequences",
            value=batch,
            allowed=f"a multiple of {place.processes}, the number of processes",
        )


def _plain(a: Architecture) -> Architecture:
    """A dense decoder of the same sizes: whatever a program of one's own does beside them, rates of matrix products
    and of attention depend on these."""
    return Architecture(a.layers, a.hidden, a.heads, a.kv_heads, a.head_dim, a.ffn_hidden, a.vocab)


def _usable_share(place: Place) -> float:
    return USABLE_MEMORY_SHARE if place.device == "cpu" else USABLE_DEVICE_MEMORY_SHARE


def _plan_that_fits(workload: Workload, place: Place, machine: Machine, *, file: Path) -> Plan:
    """The fastest; of equally fast ones that with the fewest micro-batches."""
    plans = [plan_layout(workload, machine, layout) for layout in _layouts(workload, place)]
    fitting = [plan for plan in plans if plan.memory_bytes <= machine.memory_bytes]
    if not fitting:
        least_bytes = min(plan.memory_bytes for plan in plans)
        raise InputError(
            f"one sequence at a time needs {least_bytes / 1e9:.3g} GB per process, "
            f"this machine has {machine.memory_bytes / 1e9:.3g} GB to give",
            file=file,
            key="training.sequence_length",
            value=workload.training.sequence_length,
            allowed="less",
        )
    return min(fitting, key=lambda plan: plan.step_time_s.best)


def _layouts(workload: Workload, place: Place) -> Iterator[Layout]:
    per_process = workload.training.global_batch_sequences // _sharing(workload, place)
    counts = [count for count in range(1, per_process + 1) if per_process % count == 0]
    kinds: tuple[Recomputation, ...] = ("none", "selective", "full")
    for recomputation, count in itertools.product(kinds, counts):
        yield _layout(workload, place, count, recomputation)


def _layout_to_measure(workload: Workload, place: Place) -> Layout:
    """The largest micro-batch that is quickly measured; a larger one computes no faster."""
    fitting = (
        layout
        for layout in _layouts(workload, place)
        if layout.micro_batch * workload.training.sequence_length <= TOKENS_TO_MEASURE or layout.micro_batch == 1
    )
    return next(fitting)


def _layout(workload: Workload, place: Place, micro_batches: int, recomputation: Recomputation) -> Layout:
    sharing = _sharing(workload, place)
    return Layout(
        tensor=place.processes // sharing,
        pipeline=1,
        data=sharing,
        sharding="full",
        micro_batch=workload.training.global_batch_sequences // sharing // micro_batches,
        micro_batches=micro_batches,
        recomputation=recomputation,
    )


def _sharing(workload: Workload, place: Place) -> int:
    """Groups of processes that have data of their own."""
    return place.processes if workload.program is not None else place.processes // workload.run.tensor_parallel


def _training_job(workload: Workload, place: Place, layout: Layout, *, steps: int) -> TrainingJob:
    training, settings = workload.training, workload.run
    job = TrainingJob(
        architecture=workload.architecture,
        processes=place.processes,
        sequence_length=training.sequence_length,
        micro_batch=layout.micro_batch,
        micro_batches=layout.micro_batches,
        steps=steps,
        compute_type="bf16",
        optimization=_optimization(workload),
        details=model_details(workload),
        tensor=layout.tensor,
        recomputation=layout.recomputation,
        compile=place.device == "cuda" if settings.compile is None else settings.compile,
        device=place.device,
        seed=settings.seed,
        dataset=None if settings.dataset is None else str(settings.dataset),
        fine_tuning=_fine_tuning(training, settings),
        checkpoint_every=settings.checkpoint_every,
        keep_checkpoints=settings.keep_checkpoints,
        evaluate_every=settings.evaluate_every,
    )
    return job if settings.prompt is None else replace(job, prompt=settings.prompt)


def _optimization(workload: Workload) -> Optimization:
    settings = workload.run
    return Optimization(
        learning_rate=settings.learning_rate or _usual_learning_rate(workload),
        schedule=settings.schedule,
        warm_up_share=settings.warm_up_share,
        decay_share=settings.decay_share,
        final_share=settings.final_share,
        weight_decay=settings.weight_decay,
        gradient_clip=settings.gradient_clip,
        # Frozen weights are counted in 16 bits; adapters are kept in fp32 beside them (training/lora.py).
        weight_type="bf16" if workload.training.trains_adapters else "fp32",
    )


def _usual_learning_rate(workload: Workload) -> float:
    if workload.training.trains_adapters:
        return LEARNING_RATE_ADAPTERS
    if workload.training.method == "full":
        return LEARNING_RATE_FULL
    return LEARNING_RATE * min(1.0, LEARNING_RATE_HIDDEN / workload.architecture.hidden)


def _fine_tuning(training: Training, settings: RunSettings) -> FineTuning | None:
    if training.method == "pretraining" or settings.base is None:
        return None
    return FineTuning(base=str(settings.base), method=training.method, lora_rank=training.lora_rank)


def _profile_every(steps: int) -> int:
    """Steps from one closer look to the next; a short run is looked at a few times, but never in its first steps."""
    return max(STEPS_BEFORE_A_CLOSER_LOOK, min(STEPS_BETWEEN_CLOSER_LOOKS, -(-steps // CLOSER_LOOKS_AT_A_SHORT_RUN)))


def _checkpoint_every(steps: int, step_time_s: float) -> int:
    """Steps from one checkpoint to the next: about five minutes, in a short run a quarter of it."""
    return max(1, min(round(SECONDS_BETWEEN_CHECKPOINTS / step_time_s), -(-steps // CHECKPOINTS_OF_A_SHORT_RUN)))
