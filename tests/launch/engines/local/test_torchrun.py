"""What happens when parts of a real torchrun die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.launch.engines.local import LocalEngine, host
from tests.launch.engines.local.local_case import OBEDIENT, STUBBORN, gone, job, until, until_over, until_ready

pytestmark = pytest.mark.slow

KEY = "a run"
RANKS = 2


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "run"
    directory.mkdir()
    yield directory
    for process in host.processes_with("STELLWERK_RUN_DIRECTORY", str(directory)):
        host.send(process.id, signal.SIGKILL)


def started(run: Path, code: str) -> tuple[LocalEngine, list[int]]:
    """The engine and the pids of the ranks, once each is where it can be told to stop."""
    script = run / "program.py"
    script.write_text(code, encoding="utf-8")
    engine = LocalEngine(look_every_s=0.02)
    engine.submit(replace(job(run, ""), program=(str(script),), processes=RANKS, launcher="torchrun"), run, key=KEY)
    return engine, [until_ready(run, rank) for rank in range(RANKS)]


def parent_of(pid: int) -> int:
    process = host.process_of(pid)
    assert process is not None
    return process.parent


def test_every_rank_gets_the_signal_and_torchrun_ends_well(run: Path) -> None:
    engine, ranks = started(run, OBEDIENT)
    engine.cancel(run)
    status = until_over(engine, run)
    assert (status.state, status.exit_code) == ("stopped", 0)
    assert list(engine.logs(run)).count("stopped well") == RANKS
    usage = engine.usage(run)
    assert usage.device_s == RANKS * usage.wall_s
    assert all(gone(pid) for pid in ranks)


def test_a_killed_rank_is_named_and_the_others_end(run: Path) -> None:
    engine, ranks = started(run, STUBBORN.replace("asked.append(1)", "sys.exit(0)"))
    os.kill(ranks[1], signal.SIGKILL)
    status = until_over(engine, run)
    assert status.state == "failed"
    assert status.reason is not None
    assert (status.reason.code, status.reason.params) == ("run_rank_killed", {"rank": "1", "signal": "SIGKILL"})
    assert all(gone(pid) for pid in ranks)


def test_a_rank_that_fails_is_named_with_its_exit_code(run: Path) -> None:
    waiting = "while rank == '1' or not (folder / 'ready1').exists():"
    engine, _ = started(
        run, STUBBORN.replace("asked.append(1)", "sys.exit(0)").replace("while True:", waiting) + "sys.exit(41)"
    )
    status = until_over(engine, run)
    assert status.state == "failed"
    assert status.reason is not None
    assert (status.reason.code, status.reason.params) == ("run_rank_failed", {"rank": "0", "exit_code": "41"})


def test_after_the_death_of_torchrun_no_rank_is_left(run: Path) -> None:
    engine, ranks = started(run, STUBBORN)
    launcher = parent_of(ranks[0])
    assert launcher == parent_of(ranks[1])
    os.kill(launcher, signal.SIGKILL)
    status = until_over(engine, run)
    assert (status.state, status.exit_code) == ("failed", -signal.SIGKILL)
    assert status.reason is not None
    assert (status.reason.code, status.reason.params) == ("run_program_killed", {"signal": "SIGKILL"})
    assert all(gone(pid) for pid in ranks)


def test_after_the_death_of_the_supervisor_the_next_attempt_ends_torchrun_and_its_ranks(run: Path) -> None:
    engine, ranks = started(run, STUBBORN)
    launcher = parent_of(ranks[0])
    supervisor = parent_of(launcher)
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: gone(supervisor))
    for rank in range(RANKS):
        (run / f"ready{rank}").unlink()
    engine, _ = started(run, OBEDIENT)
    assert all(gone(pid) for pid in (launcher, *ranks))
    engine.cancel(run)
    status = until_over(engine, run)
    assert (status.state, status.attempt) == ("stopped", 2)
