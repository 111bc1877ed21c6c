"""``stellwerk init``: a few questions, and a workload file from the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from stellwerk.errors import InputError, InputErrors
from stellwerk.files import write_whole
from stellwerk.messages import LANGUAGES, Language
from stellwerk.workload import (
    Request,
    draft_as_toml,
    draft_workload,
    filled_in_lines,
    suggested_tokens,
    words,
)

SIZES_WORDS = ("sizes", "grössen", "groessen")
"""Casefolded, so that "Größen" is one of them."""

YES_WORDS = ("y", "yes", "j", "ja")
START = Request(model="llama-3.1-8b", tokens="160B", kind="academia")
"""The request before the first answer, so that every answer can be checked as part of a whole file."""

START_SIZES = {"layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8, "ffn_hidden": 14336, "vocab": 65536}
USUAL_HEAD_DIM = 128
USUAL_KV_HEADS = 8


@click.command(name="init")
@click.argument("file", type=click.Path(path_type=Path), default=Path("workload.toml"))
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
def command(file: Path, language: Language) -> None:
    """Ask what is to be trained and for whom, and write it to FILE (default: workload.toml).

    Enter takes the value in brackets. Answers may also come from a pipe, one a line.
    """
    texts = words("questions", language)
    if file.exists() and not file.is_file():
        raise InputError("something else than a file is there", file=file)
    if file.exists() and not _agreed(texts["overwrite"].format(file=file)):
        click.echo(texts["kept"].format(file=file))
        return
    draft = draft_workload(_ask_everything(file, texts), file)
    write_whole(file, draft_as_toml(draft, language).encode())
    click.echo()
    click.echo(words("filled", language)["heading"])
    for line in filled_in_lines(draft, language):
        click.echo(f"  {line}")
    click.echo()
    click.echo(texts["written"].format(file=file))


def _agreed(question: str) -> bool:
    return click.prompt(question, default="n", show_default=False).strip().casefold() in YES_WORDS


def _ask_everything(file: Path, texts: dict[str, str]) -> Request:
    def ask(key: str, field: str, default: str = "") -> Request:
        def answered(answer: str) -> Request:
            change: dict[str, Any] = {field: answer or None}
            return replace(request, **change)

        return _ask(key, default, answered, file, texts)

    request = _ask_model(START, file, texts)
    tokens = suggested_tokens(draft_workload(request, file).workload.architecture)
    request = ask("training.tokens", "tokens", tokens)
    request = ask("applicant.kind", "kind", START.kind)
    request = ask("applicant.country", "country", "DE")
    request = ask("applicant.state", "state")
    request = ask("limits.duration", "duration")
    return ask("limits.budget", "budget")


def _ask_model(request: Request, file: Path, texts: dict[str, str]) -> Request:
    def named(answer: str) -> Request:
        if answer.casefold() in SIZES_WORDS:
            return replace(request, model=START_SIZES)
        return replace(request, model=answer)

    request = _ask("model.name", str(START.model), named, file, texts)
    while not isinstance(request.model, str):
        request = _ask_sizes(request, file, texts)
        mistakes = _mistakes(request, file)
        if not mistakes:
            break
        _say(mistakes, texts)
    return request


def _ask_sizes(request: Request, file: Path, texts: dict[str, str]) -> Request:
    click.echo(texts["sizes"])
    request = replace(request, model=START_SIZES)
    sizes = _sizes(request)
    for name in START_SIZES:
        with_size = partial(_with_size, request, sizes, name)
        request = _ask(f"model.{name}", _usual_size(name, sizes), with_size, file, texts)
        sizes = _sizes(request)
    return request


def _ask(key: str, default: str, asked: Callable[[str], Request], file: Path, texts: dict[str, str]) -> Request:
    """The request with an answer to ``key``, asked again until the rules of the file have nothing against it."""
    while True:
        answer = click.prompt(texts[key], default=default, show_default=bool(default)).strip() or default
        request = asked(answer)
        mistakes = [mistake for mistake in _mistakes(request, file) if mistake.key == key]
        if not mistakes:
            return request
        _say(mistakes, texts)


def _mistakes(request: Request, file: Path) -> tuple[InputError, ...]:
    try:
        draft_workload(request, file)
    except InputErrors as mistakes:
        return mistakes.errors
    except InputError as mistake:
        return (mistake,)
    return ()


def _say(mistakes: Iterable[InputError], texts: dict[str, str]) -> None:
    """The mistakes without the file, which is not written yet."""
    for mistake in mistakes:
        problem = InputError(mistake.problem, value=mistake.value, allowed=mistake.allowed)
        click.echo(texts["again"].format(problem=problem))


def _usual_size(name: str, sizes: dict[str, object]) -> str:
    """What is usual beside the sizes answered so far, as a model of the Llama family has it."""
    hidden, heads = int(str(sizes["hidden"])), int(str(sizes["heads"]))
    usual = START_SIZES | {
        "heads": next(count for count in range(max(hidden // USUAL_HEAD_DIM, 1), 0, -1) if hidden % count == 0),
        "kv_heads": USUAL_KV_HEADS if heads % USUAL_KV_HEADS == 0 else heads,
        "ffn_hidden": hidden * 7 // 2,
    }
    return str(usual[name])


def _with_size(request: Request, sizes: dict[str, object], name: str, answer: str) -> Request:
    return replace(request, model=sizes | {name: _whole_number(answer)})


def _sizes(request: Request) -> dict[str, object]:
    return {} if isinstance(request.model, str) else dict(request.model)


def _whole_number(answer: str) -> int | str:
    """The number, or the answer as it is, which the rules of the file refuse."""
    try:
        return int(answer)
    except ValueError:
        return answer
