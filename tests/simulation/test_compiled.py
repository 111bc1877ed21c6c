"""The first process compiles, later ones load what it compiled, wherever the cache can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import stellwerk

pytestmark = pytest.mark.slow

SOURCE = Path(stellwerk.__file__).parents[1]
COMPILED = "1 compiled, 0 loaded"
LOADED = "0 compiled, 1 loaded"
CALL = """
from kernels.whole import total
print(total(1), *(sum(counted.values()) for counted in (total.stats.cache_misses, total.stats.cache_hits)))
"""
BOTH_KERNELS = """
import numpy as np
from stellwerk.simulation.pooled import conservative_starts_s, easy_starts_s
one = np.ones(1, np.int64)
easy_starts_s(one, one, one, one, 1, True, False)
conservative_starts_s(one, one, one, one, 1, False)
print(sum(sum(kernel.stats.cache_misses.values()) for kernel in (easy_starts_s, conservative_starts_s)))
"""


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    """A folder with one compiled function that calls another in a second module."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    head = "from stellwerk.simulation.compiled import compiled\n"
    (folder / "part.py").write_text(f"{head}\n@compiled\ndef plus(number):\n    return number + 1\n")
    (folder / "whole.py").write_text(
        f"{head}from kernels.part import plus\n\n@compiled\ndef total(number):\n    return plus(number) * 2\n"
    )
    return folder


def make_read_only(folder: Path) -> None:
    """Nothing can be cached beside the modules; a plain file in the folder's place stops root, too."""
    (folder / "__pycache__").write_text("not a folder")


def call(kernels: Path, **environment: str) -> tuple[int, str]:
    """What the function gives for 1 in a process of its own, and how it came by its machine code."""
    total, misses, hits = run(CALL, kernels.parent, **environment).split()
    return int(total), f"{misses} compiled, {hits} loaded"


def run(code: str, *paths: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    python_path = os.pathsep.join(str(path) for path in (SOURCE, *paths))
    return subprocess.run(
        [sys.executable, "-B", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=kept | {"PYTHONPATH": python_path} | environment,
    ).stdout


def test_a_second_process_loads_what_the_first_compiled(kernels: Path) -> None:
    assert call(kernels) == (4, COMPILED)
    assert call(kernels) == (4, LOADED)
    assert list((kernels / "__pycache__").glob("whole.total*.nbc"))


def test_no_kernel_is_compiled_twice() -> None:
    run(BOTH_KERNELS)
    assert run(BOTH_KERNELS) == "0\n"


def test_a_read_only_package_is_cached_in_the_folder_that_the_environment_names(kernels: Path, tmp_path: Path) -> None:
    make_read_only(kernels)
    cache = tmp_path / "cache"
    assert call(kernels, NUMBA_CACHE_DIR=str(cache)) == (4, COMPILED)
    assert call(kernels, NUMBA_CACHE_DIR=str(cache)) == (4, LOADED)
    assert list(cache.rglob("whole.total*.nbc"))


def test_a_read_only_package_is_otherwise_cached_for_the_user(kernels: Path, tmp_path: Path) -> None:
    make_read_only(kernels)
    home = tmp_path / "home"
    assert call(kernels, HOME=str(home)) == (4, COMPILED)
    assert call(kernels, HOME=str(home)) == (4, LOADED)
    assert list(home.rglob("whole.total*.nbc"))


def test_where_nothing_can_be_written_each_process_compiles(kernels: Path, tmp_path: Path) -> None:
    make_read_only(kernels)
    home = tmp_path / "home"
    home.write_text("not a folder")
    assert [call(kernels, HOME=str(home)) for _ in range(2)] == [(4, COMPILED)] * 2


def test_a_change_of_a_module_that_is_called_is_noticed(kernels: Path) -> None:
    assert call(kernels) == (4, COMPILED)
    part = kernels / "part.py"
    part.write_text(part.read_text().replace("+ 1", "+ 9"))
    assert call(kernels) == (20, COMPILED)


def test_a_cache_of_types_that_are_gone_is_not_opened(kernels: Path) -> None:
    part, whole = kernels / "part.py", kernels / "whole.py"
    part.write_text("from typing import NamedTuple\n\nclass Pair(NamedTuple):\n    number: int\n\n" + part.read_text())
    of_a_number = whole.read_text()
    whole.write_text(
        of_a_number.replace("import plus", "import Pair, plus")
        .replace("def total(number)", "def total_of(pair)")
        .replace("plus(number)", "plus(pair.number)")
        + "\n@compiled\ndef total(number):\n    return total_of(Pair(number))\n"
    )
    assert call(kernels) == (4, COMPILED)
    part.write_text(part.read_text().replace("Pair", "Couple"))
    whole.write_text(whole.read_text().replace("Pair", "Couple"))
    assert call(kernels) == (4, COMPILED)
