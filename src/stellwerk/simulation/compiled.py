"""The one place where numba enters: the room needs the extra ``[sim]``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from stellwerk.errors import MissingExtraError

try:
    from numba import njit
except ModuleNotFoundError as error:
    raise MissingExtraError("stellwerk simulate", "sim") from error

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function over arrays at its first call; later processes load it from the cache.

    The cache alone would notice a change of the module that holds the function, not of the modules that it calls;
    so the newest change of any module of this room stands for all.
    """
    dispatcher = njit(cache=True, error_model="numpy")(function)
    dispatcher._cache._cache_file._source_stamp = _STAMP
    return cast(F, dispatcher)


def inner(function: F) -> F:
    """Compile a function that only compiled ones call: it becomes part of theirs, in the cache, too."""
    return cast(F, njit(no_cpython_wrapper=True, error_model="numpy")(function))


def _room_stamp() -> tuple[int, int]:
    """When the room's code was last changed, and its size."""
    found = [path.stat() for path in Path(__file__).parent.rglob("*.py")]
    return max(about.st_mtime_ns for about in found), sum(about.st_size for about in found)


_STAMP = _room_stamp()
