"""Mistakes said in the words of whoever made them: by option, or with the file that was handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stellwerk.errors import InputError, InputErrors


@contextmanager
def naming_options(options: Mapping[str, str]) -> Iterator[None]:
    """Inside, a mistake at a key of ``options`` names the option that says it, and no file."""

    def name(mistake: InputError) -> InputError:
        option = options.get(mistake.key or "")
        return mistake if option is None else _at(mistake, key=option, file=None)

    with _renaming(name):
        yield


@contextmanager
def naming_file(file: Path) -> Iterator[None]:
    """Inside, a mistake that names a key but no file is one of ``file``."""

    def name(mistake: InputError) -> InputError:
        return _at(mistake, key=mistake.key, file=file) if mistake.key and mistake.file is None else mistake

    with _renaming(name):
        yield


@contextmanager
def _renaming(name: Callable[[InputError], InputError]) -> Iterator[None]:
    try:
        yield
    except InputErrors as mistakes:
        raise InputErrors(map(name, mistakes.errors)) from None
    except InputError as mistake:
        raise name(mistake) from None


def _at(mistake: InputError, *, key: str | None, file: Path | None) -> InputError:
    return InputError(mistake.problem, file=file, key=key, value=mistake.value, allowed=mistake.allowed)
