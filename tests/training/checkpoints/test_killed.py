"""No checkpoint that was called whole is lost, whenever the writer is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

pytestmark = pytest.mark.slow


def steps_after_kills(directory: Path, mode: str, rounds: int) -> list[int]:
    """The step of the newest checkpoint after each round; the rounds themselves are checked in killed.py."""
    command = [sys.executable, "-m", "tests.training.checkpoints.killed", str(directory), mode, str(rounds), "1"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return [int(line.split()[1]) for line in result.stdout.splitlines()]


def test_fifty_kills_at_random_points(tmp_path: Path) -> None:
    steps = steps_after_kills(tmp_path / "checkpoints", "random", 50)
    assert len(steps) == 50
    assert steps == sorted(steps)
    assert steps[-1] > 5, "the kills came too early to meet a writer at work"


def test_a_kill_before_each_thing_done_to_the_disk(tmp_path: Path) -> None:
    """From the first folder to the removal of the third-last checkpoint."""
    steps = steps_after_kills(tmp_path / "checkpoints", "events", 30)
    assert steps == sorted(steps)
    assert len(list((tmp_path / "checkpoints").glob("step-*"))) in (2, 3)
