"""The section ``[program]`` of ``workload.toml``: a training program of one's own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError, InputErrors, nearest_match
from stellwerk.workload.boundary import read_section
from stellwerk.workload.document import ProgramSection
from stellwerk.workload.model import Program
from stellwerk.workload.placeholders import PLACEHOLDERS, placeholders_in

LOG_GROUPS = (
    "step",
    "loss",
    "tokens",
    "learning_rate",
    "gradient_norm",
    "step_time_s",
    "tokens_per_s",
    "data_s",
    "checkpoint_s",
    "allocated_bytes",
    "reserved_bytes",
    "allocation_retries",
    "held_out_loss",
)
"""Of a log pattern: the numbers of training.StepMetrics."""
_NEEDED_GROUPS = ("step", "loss")

_SHELL_WORD = re.compile(r"[|&;<>]+|\d?>>?.*|\$\(.*|`.*|~|~/.*")
_SHELL_VARIABLE = re.compile(r"\$(\w+|\{)")
_LAUNCHERS = ("torchrun", "accelerate", "deepspeed", "srun", "mpirun", "mpiexec")
_SET_BY_LAUNCHER = (
    "RANK",
    "LOCAL_RANK",
    "GROUP_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
)
_VARIABLE_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SECRET_WORDS = {"SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "CREDENTIAL", "CREDENTIALS", "APIKEY"}
_SECRET_LAST_WORDS = {"TOKEN", "KEY", "PAT", "AUTH"}
_SECRET_VALUE = re.compile(
    r"\b(hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[opsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|AKIA[A-Z0-9]{16})|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@"
)
_IN_THE_SHELL = "a variable of the shell that starts the run: the program gets it from there, and no file keeps it"


def read_program(table: dict[str, Any], file: Path) -> Program:
    """The program that the section says; raises InputErrors with every mistake in it.

    A directory is taken from the folder of ``file``. Whether it and the script exist is asked when the program is
    started: a plan can be made where they are not.
    """
    section = read_section(ProgramSection, table, file=file, key="program")
    problems: list[InputError] = []
    command = _words(section.command, "program.command", file, problems)
    resume = _words(section.resume_arguments, "program.resume_arguments", file, problems)
    environment = tuple((name, str(value)) for name, value in section.environment.items())
    problems += _command_problems(command, section.launcher, file)
    problems += _environment_problems(environment, file)
    problems += _pattern_problems(section.log_pattern, file)
    texts = [*(("program.command", word) for word in command), *(("program.resume_arguments", word) for word in resume)]
    texts += [(f"program.environment.{name}", value) for name, value in environment]
    problems += _placeholder_problems(texts, file)
    problems += _secret_problems(texts, file)
    if problems:
        raise InputErrors(problems)
    return Program(
        command=command,
        launcher=section.launcher,
        directory=(file.parent / (section.directory or "")).absolute(),
        environment=environment,
        resume_arguments=resume,
        stop_signal=section.stop_signal,
        stop_before_s=section.stop_before,
        log_pattern=section.log_pattern,
    )


def looks_secret(name: str) -> bool:
    """Whether a variable of this name usually holds what nobody else may read: ``HF_TOKEN``, ``WANDB_API_KEY``."""
    words = name.upper().split("_")
    return bool(_SECRET_WORDS.intersection(words)) or words[-1] in _SECRET_LAST_WORDS


def _words(given: str | list[str], key: str, file: Path, problems: list[InputError]) -> tuple[str, ...]:
    """A list as it stands; a text split at its spaces, quotes kept together, as a shell splits it."""
    if not isinstance(given, str):
        words = tuple(given)
    else:
        try:
            words = tuple(shlex.split(given))
        except ValueError:
            problems.append(InputError("a quote is opened and not closed", file=file, key=key, value=given))
            return ()
        problems += _shell_problems(given, words, key, file)
    if any("\0" in word for word in words):
        problems.append(InputError("contains a character of code 0", file=file, key=key))
    return words


def _shell_problems(text: str, words: Iterable[str], key: str, file: Path) -> Iterator[InputError]:
    """What a shell would act on, and nothing here does; in single quotes it means itself there, too."""
    unquoted = re.sub(r"'[^']*'", "", text)
    found = next((word for word in words if _SHELL_WORD.fullmatch(word)), None) or next(
        (match[0] for match in [_SHELL_VARIABLE.search(unquoted)] if match), None
    )
    if found:
        yield InputError(
            "no shell runs the command, so this would reach the program as it stands",
            file=file,
            key=key,
            value=found,
            allowed="a program and its arguments; a list of texts, where the program is to get exactly this; "
            'or a shell of your own: ["sh", "-c", "…"]',
        )


def _command_problems(command: tuple[str, ...], launcher: str, file: Path) -> Iterator[InputError]:
    if not command:
        return
    name = Path(command[0]).name
    if launcher == "torchrun" and name in _LAUNCHERS:
        yield InputError(
            "starts processes itself, and torchrun would start it {processes} times",
            file=file,
            key="program.command",
            value=name,
            allowed='the script alone, such as "train.py --lr 3e-4"; or launcher = "none" beside it',
        )
    if launcher == "torchrun" and command[0] == "-m" and len(command) < 2:
        yield InputError("names no module", file=file, key="program.command", value="-m", allowed='"-m package.module"')
    if launcher == "none" and command[0].startswith("-"):
        yield InputError("is no program", file=file, key="program.command", value=command[0], allowed='"python -m …"')


def _environment_problems(environment: Iterable[tuple[str, str]], file: Path) -> Iterator[InputError]:
    for name, value in environment:
        key = f"program.environment.{name}"
        if not _VARIABLE_NAME.fullmatch(name):
            yield InputError("is no name of a variable", file=file, key=key, allowed="letters, digits and _")
        elif name.startswith("STELLWERK_") or name in _SET_BY_LAUNCHER:
            yield InputError("is set by whatever starts the program", file=file, key=key, allowed="another name")
        elif looks_secret(name):
            yield InputError("looks like a secret, which belongs in no file", file=file, key=key, allowed=_IN_THE_SHELL)
        elif "\0" in value:
            yield InputError("contains a character of code 0", file=file, key=key)


def _secret_problems(texts: Iterable[tuple[str, str]], file: Path) -> Iterator[InputError]:
    for key, text in texts:
        if _SECRET_VALUE.search(text):
            yield InputError(
                "holds what looks like a secret, which belongs in no file", file=file, key=key, allowed=_IN_THE_SHELL
            )


def _placeholder_problems(texts: Iterable[tuple[str, str]], file: Path) -> Iterator[InputError]:
    for key, text in texts:
        for name in placeholders_in(text):
            if name not in PLACEHOLDERS:
                known = ", ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
                meant = nearest_match(name, PLACEHOLDERS)
                yield InputError(
                    "nothing is known that could stand for it" + (f", did you mean {{{meant}}}?" if meant else ""),
                    file=file,
                    key=key,
                    value=f"{{{name}}}",
                    allowed=f"{known}; {{{{{name}}}}} for the word in braces",
                )


def _pattern_problems(pattern: str | None, file: Path) -> Iterator[InputError]:
    if pattern is None:
        return
    key = "program.log_pattern"
    try:
        groups: Mapping[str, int] = re.compile(pattern).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        yield InputError(f"is no regular expression of Python: {error}", file=file, key=key, value=pattern)
        return
    for name in groups:
        if name not in LOG_GROUPS:
            meant = nearest_match(name, LOG_GROUPS)
            problem = f"has an unknown group {name!r}" + (f", did you mean {meant!r}?" if meant else "")
            yield InputError(problem, file=file, key=key, value=pattern, allowed=", ".join(LOG_GROUPS))
    missing = [name for name in _NEEDED_GROUPS if name not in groups]
    if missing:
        yield InputError(
            f"has no group {' and no group '.join(map(repr, missing))}",
            file=file,
            key=key,
            value=pattern,
            allowed=r"""such as 'step (?P<step>\d+) loss (?P<loss>[\d.]+)'""",
        )
