"""The questions of ``stellwerk init``: what is to be done, by whom, with which data, in which limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload import (
    ApplicantRequest,
    Request,
    ServingRequest,
    TrainingRequest,
    draft_workload,
    parse_applicant,
    suggested_tokens,
    usual_concurrent_requests,
)

SIZES_WORDS = ("sizes", "grössen", "groessen")
"""Casefolded, so that "Größen" is one of them."""

TASKS: dict[str, TrainingRequest | ServingRequest] = {
    "train": TrainingRequest("160B"),
    "finetune": TrainingRequest("100M", method="lora"),
    "serve": ServingRequest(100),
}
START = Request("llama-3.1-8b", TASKS["train"], ApplicantRequest("academia"))
"""The request before the first answer, so that every answer can be checked as part of a whole file."""

START_SIZES = {"layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8, "ffn_hidden": 14336, "vocab": 65536}
USUAL_HEAD_DIM = 128
USUAL_KV_HEADS = 8
Change = Callable[[Request, str], Request]
"""The request with an answer in it; raises InputError where the answer cannot be read."""


@dataclass(frozen=True, slots=True)
class Interview:
    """Where the answers will be written, and the words of the questions by key."""

    file: Path
    texts: dict[str, str]

    def ask(self, request: Request, key: str, change: Change, default: str = "") -> Request:
        """The request with an answer to ``key``, asked again until the rules of the file have nothing against it."""
        while True:
            answer = click.prompt(self.texts[key], default=default, show_default=bool(default)).strip() or default
            try:
                changed = change(request, answer)
            except InputError as mistake:
                self.say([mistake])
                continue
            mistakes = [one for one in self.mistakes(changed) if f"{one.key}.".startswith(f"{key}.")]
            if not mistakes:
                return changed
            self.say(mistakes)

    def mistakes(self, request: Request) -> tuple[InputError, ...]:
        try:
            draft_workload(request, self.file)
        except InputErrors as mistakes:
            return mistakes.errors
        except InputError as mistake:
            return (mistake,)
        return ()

    def say(self, mistakes: Iterable[InputError]) -> None:
        """The mistakes without the file, which is not written yet."""
        for mistake in mistakes:
            problem = InputError(mistake.problem, value=mistake.value, allowed=mistake.allowed)
            click.echo(self.texts["again"].format(problem=problem))


def ask_everything(interview: Interview) -> Request:
    """A request that makes a file without a mistake."""
    request = interview.ask(START, "task", _with_task, next(iter(TASKS)))
    request = _ask_model(request, interview)
    request = _ask_task(request, interview)
    request = _ask_applicant(request, interview)
    request = interview.ask(request, "data.sensitivity", _changes("sensitivity"), "public")
    request = interview.ask(request, "data.locations", _with_locations)
    if isinstance(request.task, TrainingRequest):
        request = interview.ask(request, "limits.duration", _changes("duration"))
    request = interview.ask(request, "limits.deadline", _changes("deadline"))
    return interview.ask(request, "limits.budget", _changes("budget"))


def _with_task(request: Request, answer: str) -> Request:
    if answer.casefold() not in TASKS:
        raise InputError("no such task", key="task", value=answer, allowed=list(TASKS))
    return replace(request, task=TASKS[answer.casefold()])


def _ask_model(request: Request, interview: Interview) -> Request:
    request = interview.ask(request, "model.name", _with_model, str(START.model))
    while not isinstance(request.model, str):
        request = _ask_sizes(request, interview)
        mistakes = interview.mistakes(request)
        if not mistakes:
            break
        interview.say(mistakes)
    return request


def _with_model(request: Request, answer: str) -> Request:
    return replace(request, model=START_SIZES if answer.casefold() in SIZES_WORDS else answer)


def _ask_sizes(request: Request, interview: Interview) -> Request:
    click.echo(interview.texts["sizes"])
    request = replace(request, model=START_SIZES)
    for name in START_SIZES:
        request = interview.ask(request, f"model.{name}", _changes_size(name), _usual_size(name, _sizes(request)))
    return request


def _ask_task(request: Request, interview: Interview) -> Request:
    task = request.task
    if isinstance(task, ServingRequest):
        request = interview.ask(request, "serving.users", _changes_task("users", _whole_number), str(task.users))
        users = request.task.users if isinstance(request.task, ServingRequest) else task.users
        concurrent = str(usual_concurrent_requests(users))
        change = _changes_task("concurrent_requests", _whole_number)
        request = interview.ask(request, "serving.concurrent_requests", change, concurrent)
        return interview.ask(request, "serving.duration", _changes_task("duration"), "365d")
    if task.method is not None:
        request = interview.ask(request, "finetuning.method", _changes_task("method"), task.method)
        return interview.ask(request, "finetuning.tokens", _changes_task("tokens"), task.tokens)
    tokens = suggested_tokens(draft_workload(request, interview.file).workload.architecture)
    return interview.ask(request, "training.tokens", _changes_task("tokens"), tokens)


def _ask_applicant(request: Request, interview: Interview) -> Request:
    request = interview.ask(request, "applicant", _with_applicant, START.applicant.kind)
    if request.applicant.country is not None:
        return request
    request = interview.ask(request, "applicant.country", _changes_applicant("country"), "DE")
    return interview.ask(request, "applicant.state", _changes_applicant("state"))


def _with_applicant(request: Request, answer: str) -> Request:
    return replace(request, applicant=parse_applicant(answer))


def _with_locations(request: Request, answer: str) -> Request:
    return replace(request, locations=tuple(part.strip() for part in answer.split(",") if part.strip()))


def _changes(field: str) -> Change:
    def change(request: Request, answer: str) -> Request:
        values: dict[str, Any] = {field: answer or None}
        return replace(request, **values)

    return change


def _changes_task(field: str, read: Callable[[str], object] = str) -> Change:
    def change(request: Request, answer: str) -> Request:
        values: dict[str, Any] = {field: read(answer)}
        return replace(request, task=replace(request.task, **values))

    return change


def _changes_applicant(field: str) -> Change:
    def change(request: Request, answer: str) -> Request:
        values: dict[str, Any] = {field: answer or None}
        return replace(request, applicant=replace(request.applicant, **values))

    return change


def _changes_size(name: str) -> Change:
    return lambda request, answer: replace(request, model=_sizes(request) | {name: _whole_number(answer)})


def _usual_size(name: str, sizes: dict[str, object]) -> str:
    """What is usual beside the sizes answered so far, as a model of the Llama family has it."""
    hidden, heads = int(str(sizes["hidden"])), int(str(sizes["heads"]))
    usual = START_SIZES | {
        "heads": next(count for count in range(max(hidden // USUAL_HEAD_DIM, 1), 0, -1) if hidden % count == 0),
        "kv_heads": USUAL_KV_HEADS if heads % USUAL_KV_HEADS == 0 else heads,
        "ffn_hidden": hidden * 7 // 2,
    }
    return str(usual[name])


def _sizes(request: Request) -> dict[str, object]:
    return {} if isinstance(request.model, str) else dict(request.model)


def _whole_number(answer: str) -> int | str:
    """The number, or the answer as it is, which the rules of the file refuse."""
    try:
        return int(answer)
    except ValueError:
        return answer
