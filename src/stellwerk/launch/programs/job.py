"""From the section ``[program]`` and the plan to the job that an engine starts."""

from __future__ import annotations

import shutil
from pathlib import Path

from stellwerk.errors import InputError
from stellwerk.launch.model import Job
from stellwerk.launch.programs.placeholders import placeholder_values
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.planner import Plan
from stellwerk.workload import Program, Workload, fill_placeholders


def program_job(
    workload: Workload, plan: Plan, directory: Path, *, file: Path, threads: int = 1, limit_s: float | None = None
) -> Job:
    """The job of ``workload.program``, on as many processes as the plan has devices, in the run directory given.

    ``threads`` is for OMP_NUM_THREADS, where the section does not say it. The variables of training.contract the engine
    adds. Raises InputError, naming ``file``, where the folder or the program
    does not exist, or a placeholder has no value.
    """
    program = workload.program
    if program is None:
        raise InputError("is missing", file=file, key="program", allowed="a section [program] with a command")
    run = RunDirectory(directory.absolute())
    values = placeholder_values(workload, plan, run, file=file)

    def filled(text: str, key: str) -> str:
        return fill_placeholders(text, lambda name: values(name, key))

    command = tuple(filled(word, "program.command") for word in program.command)
    folder = _folder(program, file)
    _check_startable(command, program, folder, file)
    return Job(
        program=_started_program(command, program),
        processes=plan.layout.devices,
        log=run.log,
        environment={
            "OMP_NUM_THREADS": str(threads),
            "PYTHONUNBUFFERED": "1",
            **{name: filled(text, f"program.environment.{name}") for name, text in program.environment},
        },
        launcher=program.launcher,
        directory=folder,
        resume_arguments=tuple(filled(word, "program.resume_arguments") for word in program.resume_arguments),
        limit_s=limit_s,
        stop_before_s=program.stop_before_s,
        stop_signal=program.stop_signal,
        log_pattern=program.log_pattern,
    )


def _folder(program: Program, file: Path) -> Path:
    folder = program.directory or file.parent.absolute()
    if not folder.is_dir():
        raise InputError("there is no such folder", file=file, key="program.directory", value=str(folder))
    return folder


def _check_startable(command: tuple[str, ...], program: Program, folder: Path, file: Path) -> None:
    first = command[0]
    if first == "-m":
        return
    if _is_script(first, program):
        if not (folder / first).is_file():
            scripts = sorted(script.name for script in folder.glob("*.py"))
            raise InputError(
                f"there is no such script in {folder}", file=file, key="program.command", value=first, allowed=scripts
            )
    elif shutil.which(first if "/" not in first else str(folder / first)) is None:
        raise InputError(
            "no program of this name can be started here",
            file=file,
            key="program.command",
            value=first,
            allowed="a Python script (.py), -m and a module, or a program on the PATH",
        )


def _is_script(first: str, program: Program) -> bool:
    return program.launcher == "torchrun" and first.endswith(".py")


def _started_program(command: tuple[str, ...], program: Program) -> tuple[str, ...]:
    """``Job.program``: torchrun hands what it gets to Python, unless it is told not to."""
    if program.launcher == "none" or command[0] == "-m" or _is_script(command[0], program):
        return command
    return ("--no-python", *command)
