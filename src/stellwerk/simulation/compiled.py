"""The one place where numba enters: the room needs the extra ``[sim]``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from stellwerk.errors import MissingExtraError

try:
    from numba import njit
    from numba.core.caching import IndexDataCacheFile
except ModuleNotFoundError as error:
    raise MissingExtraError("stellwerk simulate", "sim") from error

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function over arrays at its first call; later processes load it from the cache.

    The cache lies in NUMBA_CACHE_DIR where that is set, else beside the module, else, where that folder is
    read-only, in the user's cache folder. Where none of them can be written each process compiles anew.

    A change of any module in the function's folder makes the cache void: compiled functions that call each other,
    and the constants they use, share one folder.
    """
    try:
        dispatcher: Any = njit(cache=True)(function)
    except RuntimeError:  # numba found no folder to write to
        return cast(F, njit(function))
    _void_with_the_folder(dispatcher._cache, Path(function.__code__.co_filename).parent)
    return cast(F, dispatcher)


def is_compiled(function: Callable[..., object]) -> bool:
    """Whether a compiled function has nothing left to compile: an earlier call, or another process, has."""
    index = getattr(getattr(getattr(function, "_cache", None), "_cache_file", None), "_index_path", None)
    return bool(getattr(function, "signatures", ())) or (index is not None and Path(index).exists())


def inner(function: F) -> F:
    """Compile a function that only compiled ones of its folder call: it becomes part of theirs, in the cache, too.

    It makes no array. So nothing in it counts references to arrays, which took most of the time.
    """
    return _inner(function, _nrt=False)


def inner_making_arrays(function: F) -> F:
    """As ``inner``, for a function that makes arrays or hands on new ones."""
    return _inner(function)


def _inner(function: F, **options: Any) -> F:
    options |= {"no_cpython_wrapper": True, "error_model": "numpy"}
    return cast(F, njit(**options)(function))


def _void_with_the_folder(kept: Any, folder: Path) -> None:
    """Numba's own cache asks for the function's module only, and fails on types that a later version no longer has:
    files of another state of the folder must not even be opened, so that the state is part of their names."""
    stamp = _stamp(folder)
    name = f"{kept._impl.filename_base}-{stamp[:12]}"
    kept._cache_file = IndexDataCacheFile(kept.cache_path, name, stamp)  # type: ignore[no-untyped-call]


@cache
def _stamp(folder: Path) -> str:
    digest = hashlib.sha256()
    for module in sorted(folder.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()
