"""Without numba the room says what to install, and nobody else misses it."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_NUMBA = "import sys; sys.modules['numba'] = None; "


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_verb_without_the_extra_names_the_install_command() -> None:
    done = run_python(
        WITHOUT_NUMBA + "sys.argv = ['stellwerk', 'simulate', 'log.swf']; from stellwerk.cli.main import run; run()"
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: stellwerk simulate needs the extra [sim]; install it with: pip install 'stellwerk[sim]'\n"
    )


def test_importing_the_room_without_the_extra_raises_the_same() -> None:
    done = run_python(
        WITHOUT_NUMBA
        + "from stellwerk.errors import MissingExtraError\n"
        + "try:\n    import stellwerk.simulation\nexcept MissingExtraError as error:\n    print(error.exit_code)"
    )
    assert done.stdout == "2\n", done.stderr


def test_records_and_accounting_do_not_need_the_extra() -> None:
    done = run_python(WITHOUT_NUMBA + "import stellwerk.records, stellwerk.accounting")
    assert done.returncode == 0, done.stderr
