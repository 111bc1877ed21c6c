"""What the house promises as a whole: light imports, guarded names, no clock and no network below the faces."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import stellwerk

PACKAGE = Path(stellwerk.__file__).parent
PUBLIC_NAMES: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("public_names.toml").read_text(encoding="utf-8")
)
LIBRARY_ROOMS = list(PUBLIC_NAMES)


def test_importing_stellwerk_loads_no_package() -> None:
    code = "import sys, stellwerk; print([name for name in ('numpy', 'pydantic', 'torch') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_verb_but_its_own_loads_an_extra() -> None:
    code = (
        "import sys, stellwerk.cli.match, stellwerk.cli.whitepaper, stellwerk.cli.plan;"
        "print([name for name in ('numba', 'torch', 'polars', 'django') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("room", ["catalog", "workload"])
def test_importing_a_room_loads_no_pydantic_before_a_file_is_read(room: str) -> None:
    code = f"import sys, stellwerk.{room}; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("room", LIBRARY_ROOMS)
def test_a_room_exports_exactly_its_public_names(room: str) -> None:
    """public_names.toml is the promise: a name that vanishes from there breaks somebody's program."""
    module = importlib.import_module(f"stellwerk.{room}")
    assert module.__doc__
    assert sorted(module.__all__) == sorted(PUBLIC_NAMES[room])
    assert all(hasattr(module, name) for name in module.__all__)


def test_libraries_ask_no_clock() -> None:
    """Dates are arguments below the command line: the same input gives the same answer tomorrow."""
    asking = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for room in LIBRARY_ROOMS
        if room not in ("launch", "training")  # they run programs and time them
        for path in (PACKAGE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow", "time_ns", "perf_counter")
    ]
    assert asking == []
