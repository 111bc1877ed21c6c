"""The errors of the whole house.

::

    StellwerkError
    ├── InputError            a person's file or argument is wrong; exit code 2
    │   └── InputErrors       several of them, found in one pass
    ├── MissingExtraError     an optional dependency is not installed; exit code 2
    ├── CheckpointError       a checkpoint cannot be written or read (training.checkpoints); exit code 1
    └── RunError              a program that Stellwerk started failed; exit code 1
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

_LISTED_AT_MOST = 12


class StellwerkError(Exception):
    """Anything that Stellwerk reports to a person without a traceback."""

    exit_code = 1


class InputError(StellwerkError):
    """A person's mistake, said so that it can be mended.

    ``file`` is the file at fault (or None for an argument), ``key`` the dotted path inside it,
    ``value`` what stands there, ``problem`` what is wrong with it and ``allowed`` what may stand there.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        key: str | None = None,
        value: object = None,
        allowed: str | Sequence[str] | None = None,
    ) -> None:
        self.problem = problem
        self.file = file
        self.key = key
        self.value = value
        self.allowed = allowed
        super().__init__(self._text())

    def _text(self) -> str:
        where = ": ".join(str(part) for part in (self.file, self.key) if part is not None)
        text = f"{where}: {self.problem}" if where else self.problem
        if self.value is not None:
            text += f" (got {_shorten(repr(self.value))})"
        if isinstance(self.allowed, str):
            text += f"; allowed: {self.allowed}"
        elif self.allowed is not None:
            many = len(self.allowed) > _LISTED_AT_MOST
            text += f"; allowed: one of {len(self.allowed)} values" if many else f"; allowed: {', '.join(self.allowed)}"
            text += did_you_mean(str(self.value if self.value is not None else self.key), self.allowed)
        return text


class InputErrors(InputError):
    """All the mistakes that one pass over a file found, in the order of the file."""

    def __init__(self, errors: Iterable[InputError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class MissingExtraError(StellwerkError):
    """A verb needs an optional dependency that is not installed."""

    exit_code = 2

    def __init__(self, verb: str, extra: str) -> None:
        self._words = (verb, extra)
        super().__init__(f"{verb} needs the extra [{extra}]; install it with: pip install 'stellwerk[{extra}]'")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(
            self
        ), self._words  # an exception is otherwise made again from its text when a process hands it over


class RunError(StellwerkError):
    """A program that Stellwerk started ended badly."""


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """The end of a sentence that names the candidate most like ``word``; empty where none is close."""
    nearest = nearest_match(word, candidates)
    return f"; did you mean {nearest!r}?" if nearest is not None else ""


def nearest_match(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like ``word``, or None where none is close."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def _shorten(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
