"""From a workload and the measured rates of this machine to a plan and the job that carries it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from stellwerk.errors import InputError
from stellwerk.launch.model import Job
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.planner import Layout, Machine, Plan, plan_layout
from stellwerk.training import Optimization, Rates, TrainingJob, check_trainable
from stellwerk.units import Interval, format_count
from stellwerk.workload import Workload, count_parameters

PROCESSES = 2

USABLE_MEMORY_SHARE = 0.8
"""The rest is left to the system and whatever else runs on this machine."""
STATE_BYTES_PER_PARAMETER = 16
"""fp32 weight, gradient and two moments: the least that all processes hold together."""

LEARNING_RATE = 3e-3
LEARNING_RATE_HIDDEN = 192
"""The width at which that rate was tried; wider models get less, in proportion (Yang et al. 2022, table 3)."""

ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class FirstRun:
    """A run that is ready to start.

    ``workload`` has its tokens reduced to what fits the time; ``steps_asked`` is what the file asked for.
    """

    workload: Workload
    plan: Plan
    job: TrainingJob
    steps_asked: int


def job_to_measure(workload: Workload, *, file: Path, memory_bytes: int) -> TrainingJob:
    """The job whose shapes the measurement takes; its number of steps and micro-batches is not decided yet.

    Raises InputError where the program cannot train the model, or the model cannot fit this machine however it is
    laid out.
    """
    check_trainable(workload, processes=PROCESSES, file=file)
    parameters = count_parameters(workload.architecture).total
    if parameters * STATE_BYTES_PER_PARAMETER > USABLE_MEMORY_SHARE * memory_bytes:
        raise InputError(
            f"a model of {format_count(parameters)} parameters does not fit the memory of this machine",
            file=file,
            key="model",
            allowed=f"at most {format_count(USABLE_MEMORY_SHARE * memory_bytes / STATE_BYTES_PER_PARAMETER)}",
        )
    return _training_job(workload, micro_batches=1, steps=1)


def machine_from_rates(rates: Rates) -> Machine:
    """This machine as the planner sees it: one process is one device.

    A processor has no data sheet rate that means anything to one process, so MFU refers to the best measured rate
    of a matrix product.
    """
    return Machine(
        name="this machine",
        devices=rates.processes,
        devices_per_node=rates.processes,
        memory_bytes=USABLE_MEMORY_SHARE * rates.memory_bytes / rates.processes,
        peak_flops=rates.best_matmul_flops,
        matmul_flops=rates.model_matmul_flops,
        memory_bandwidth_bytes_per_s=rates.memory_bandwidth_bytes_per_s,
        link_bytes_per_s=rates.link_bytes_per_s,
        network_bytes_per_s=None,
        runtime_bytes=float(rates.runtime_bytes),
        power_w=None,
        pue=Interval.exactly(1.0),
        measured=False,
        collective_latency_s=rates.collective_latency_s,
        layer_overhead_s=rates.layer_overhead_s,
        attention_flops=rates.attention_flops,
        overlap=0.0,  # the cores that compute also communicate
    )


def plan_first_run(workload: Workload, rates: Rates, *, seconds: float, file: Path) -> FirstRun:
    """Fully sharded over the processes, in as few micro-batches as the memory allows, and in as many steps as the
    plan's best estimate fits into ``seconds``, at most those of the workload.

    Raises InputError where not one step fits the memory or the time.
    """
    machine = machine_from_rates(rates)
    plan = _plan_that_fits(workload, machine, file=file)
    steps = min(workload.training.steps, int(seconds / plan.step_time_s.best))
    if steps < 1:
        raise InputError(
            "not one step fits the time",
            key="--seconds",
            value=seconds,
            allowed=f"at least {plan.step_time_s.best:.1f}, the planned time of one step",
        )
    tokens = steps * workload.training.tokens_per_step
    reduced = replace(workload, task=replace(workload.training, tokens=tokens))
    job = _training_job(reduced, micro_batches=plan.layout.micro_batches, steps=steps)
    return FirstRun(
        workload=reduced,
        plan=plan_layout(reduced, machine, plan.layout),
        job=replace(job, compute_type=rates.compute_type),
        steps_asked=workload.training.steps,
    )


def measuring_job(directory: RunDirectory) -> Job:
    """Measures this machine for the job in the run directory."""
    program = ("-m", "stellwerk.training.measure", "--job", str(directory.job), "--out", str(directory.rates))
    return Job(program, PROCESSES, directory.measure_log, ENVIRONMENT)


def training_job(directory: RunDirectory) -> Job:
    """Trains what the job in the run directory says."""
    program = ("-m", "stellwerk.training.program", "--job", str(directory.job), "--out", str(directory.path))
    return Job(program, PROCESSES, directory.log, ENVIRONMENT)


def _plan_that_fits(workload: Workload, machine: Machine, *, file: Path) -> Plan:
    per_process = workload.training.global_batch_sequences // PROCESSES
    for micro_batches in (count for count in range(1, per_process + 1) if per_process % count == 0):
        layout = Layout(
            tensor=1,
            pipeline=1,
            data=PROCESSES,
            sharding="full",
            micro_batch=per_process // micro_batches,
            micro_batches=micro_batches,
            recomputation="none",
        )
        plan = plan_layout(workload, machine, layout)
        if plan.memory_bytes <= machine.memory_bytes:
            return plan
    raise InputError(
        f"one sequence at a time needs {plan.memory_bytes / 1e9:.3g} GB per process, "
        f"this machine has {machine.memory_bytes / 1e9:.3g} GB to give",
        file=file,
        key="training.sequence_length",
        value=workload.training.sequence_length,
        allowed="less",
    )


def _training_job(workload: Workload, *, micro_batches: int, steps: int) -> TrainingJob:
    training = workload.training
    return TrainingJob(
        architecture=workload.architecture,
        processes=PROCESSES,
        sequence_length=training.sequence_length,
        micro_batch=training.global_batch_sequences // PROCESSES // micro_batches,
        micro_batches=micro_batches,
        steps=steps,
        compute_type="bf16",
        optimization=Optimization(
            learning_rate=LEARNING_RATE * min(1.0, LEARNING_RATE_HIDDEN / workload.architecture.hidden)
        ),
    )
