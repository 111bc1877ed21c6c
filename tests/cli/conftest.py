from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from stellwerk.cli.main import run


class Ended(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


Verb = Callable[..., Ended]


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    """The command without a process of its own: its messages and exit codes, and whatever it does not catch raised."""
    monkeypatch.setattr("stellwerk.cli.output.console.width", 100)  # it reads COLUMNS only when it is made

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr("sys.argv", ["stellwerk", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return call
