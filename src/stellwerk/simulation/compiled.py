"""The one place where numba enters: the room needs the extra ``[sim]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from stellwerk.errors import MissingExtraError

try:
    from numba import njit
except ModuleNotFoundError as error:
    raise MissingExtraError("stellwerk simulate", "sim") from error

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function over arrays at its first call; later processes load it from the cache.

    The cache notices a change of the module that holds the function, not of the modules it calls:
    compiled functions that call each other share one module.
    """
    return cast(F, njit(cache=True)(function))
