"""What the house promises as a whole: light imports, guarded names, no clock and no network below the faces."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import stellwerk

PACKAGE = Path(stellwerk.__file__).parent
LIBRARY_ROOMS = [
    "accounting",
    "broker",
    "catalog",
    "charts",
    "launch",
    "measures",
    "messages",
    "planner",
    "records",
    "simulation",
    "training",
    "whitepaper",
    "workload",
]


def test_importing_stellwerk_loads_no_package() -> None:
    code = "import sys, stellwerk; print([name for name in ('numpy', 'pydantic', 'torch') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_verb_but_its_own_loads_an_extra() -> None:
    code = (
        "import sys, stellwerk.cli.match, stellwerk.cli.whitepaper, stellwerk.cli.plan;"
        "print([name for name in ('numba', 'torch', 'polars', 'django') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("room", LIBRARY_ROOMS)
def test_a_room_exports_exactly_its_public_names(room: str) -> None:
    module = importlib.import_module(f"stellwerk.{room}")
    assert module.__doc__
    assert list(module.__all__) == sorted(module.__all__, key=_isort_key)
    for name in module.__all__:
        assert getattr(module, name) is not None


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


def _isort_key(name: str) -> tuple[int, str]:
    """The order that ruff keeps in ``__all__``: constants, classes, everything else."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
