from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stellwerk.measures.shared import open_shared, share


@dataclass(frozen=True, slots=True)
class Inner:
    code: NDArray[np.int32]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    submit_s: NDArray[np.int64]
    user: Inner
    empty: NDArray[np.int8]
    source: Path


def _table() -> Table:
    return Table(np.arange(100_000), Inner(np.arange(7, dtype=np.int32), ("a", "b")), np.empty(0, np.int8), Path("x"))


def _root(array: NDArray[Any]) -> object:
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    return base


def test_a_table_comes_back_with_its_columns_in_the_file(tmp_path: Path) -> None:
    share(_table(), tmp_path / "table")
    found = open_shared(tmp_path / "table")
    assert np.array_equal(found.submit_s, _table().submit_s)
    assert np.array_equal(found.user.code, _table().user.code)
    assert (found.user.names, found.empty.shape, found.source) == (("a", "b"), (0,), Path("x"))
    assert not isinstance(_root(found.submit_s), np.ndarray)  # a view of the file, no copy
    assert found.submit_s.ctypes.data % 64 == 0


def test_what_one_writes_the_next_does_not_see(tmp_path: Path) -> None:
    share(_table(), tmp_path / "table")
    one, other = open_shared(tmp_path / "table"), open_shared(tmp_path / "table")
    one.submit_s[0] = 77
    assert other.submit_s[0] == 0
    assert open_shared(tmp_path / "table").submit_s[0] == 0


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("mine")
    with pytest.raises(FileExistsError):
        share(_table(), tmp_path / "table")


READER = """
import re, sys
from pathlib import Path
import numpy
from stellwerk.measures.shared import open_shared

def private_kb():
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return sum(map(int, re.findall(r"^Private_(?:Clean|Dirty): *([0-9]+)", rollup, re.MULTILINE)))

open_shared(Path(sys.argv[2]))
before = private_kb()
column = open_shared(Path(sys.argv[1]))
assert column.sum() == column.size
print(private_kb() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux says how memory is shared")
def test_processes_read_the_same_pages(tmp_path: Path) -> None:
    """While one process has the table open, another one reads all of it and keeps no copy of its own."""
    share(np.ones(4_000_000, np.int64), tmp_path / "table")  # 32 MB
    share(np.ones(1, np.int64), tmp_path / "warm-up")
    held = open_shared(tmp_path / "table")
    assert held.sum() == held.size
    command = [sys.executable, "-c", READER, str(tmp_path / "table"), str(tmp_path / "warm-up")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 4_000
