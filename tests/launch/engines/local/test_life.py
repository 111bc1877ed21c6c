"""Who lives and who does not, told from files, locks and the process table; nothing is started here."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.launch.engines.local import LocalEngine, host, lock
from stellwerk.launch.engines.local.files import LocalFiles
from stellwerk.launch.run_record import Attempt, ProcessId, RunRecord, write_record

START = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)
GONE = ProcessId(host.own_id().pid, host.own_id().start_ticks - 1)
"""The pid of this process, when another one had it."""


def record(state: str = "running", supervisor: ProcessId | None = GONE, boot_id: str | None = None) -> RunRecord:
    return RunRecord(
        key="k",
        engine="local",
        processes=2,
        attempts=(Attempt(state, START, START, 10.0),),  # type: ignore[arg-type]
        machine=host.machine_name(),
        boot_id=boot_id or host.boot_id(),
        supervisor=supervisor,
        started_monotonic_s=0.0,
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_record(tmp_path / "state.json", record())
    return tmp_path


@pytest.fixture
def _locked(run: Path) -> Iterator[None]:
    """As its supervisor locks it."""
    descriptor = lock.take(LocalFiles(run).lock)
    assert descriptor is not None
    yield
    os.close(descriptor)


def code_of(directory: Path) -> str | None:
    status = LocalEngine().status([directory])[directory]
    assert (status.state == "interrupted") == (status.reason is not None)
    return status.reason.code if status.reason else None


def test_another_process_with_the_pid_of_the_supervisor_is_not_the_supervisor(run: Path) -> None:
    assert code_of(run) == "run_vanished"
    write_record(run / "state.json", record(supervisor=host.own_id()))
    assert code_of(run) is None


def test_after_a_restart_no_pid_counts(run: Path) -> None:
    write_record(run / "state.json", record(supervisor=host.own_id(), boot_id="of yesterday"))
    assert code_of(run) == "run_machine_restarted"


@pytest.mark.usefixtures("_locked")
def test_a_supervisor_whose_processes_cannot_be_seen_from_here_holds_the_lock(run: Path) -> None:
    """In another container, or on another machine with the same folder."""
    assert code_of(run) is None
    write_record(run / "state.json", replace(record(), machine="elsewhere", boot_id="elsewhere's"))
    assert code_of(run) is None


def test_the_lock_is_free_when_its_holder_is_gone(run: Path) -> None:
    descriptor = lock.take(LocalFiles(run).lock)
    assert descriptor is not None
    assert lock.take(LocalFiles(run).lock) is None
    assert lock.is_taken(LocalFiles(run).lock)
    os.close(descriptor)
    assert not lock.is_taken(LocalFiles(run).lock)


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "cancelled", "interrupted"])
def test_what_has_ended_stays_as_it_is(run: Path, state: str) -> None:
    write_record(run / "state.json", record(state))
    assert LocalEngine().status([run])[run].state == state


def test_a_hundred_runs_are_asked_at_once_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    states = ("waiting", "running", "stopping", "finished", "stopped", "failed", "cancelled", "interrupted")
    wanted = {tmp_path / f"run {number}": states[number % len(states)] for number in range(100)}
    for directory, state in wanted.items():
        directory.mkdir()
        write_record(directory / "state.json", record(state, supervisor=host.own_id()), lasting=False)
    broken, none = tmp_path / "broken", tmp_path / "none"
    broken.mkdir()
    (broken / "state.json").write_text("{", encoding="utf-8")
    found = LocalEngine().status([*wanted, broken, none])
    assert {directory: status.state for directory, status in found.items()} == wanted


def test_a_run_under_way_has_used_the_time_since_its_start(run: Path) -> None:
    write_record(run / "state.json", record(supervisor=host.own_id()))
    usage = LocalEngine().usage(run)
    assert usage.wall_s > 10.0, "the monotonic clock began with the machine, and so did this run"
    assert usage.device_s == 2 * usage.wall_s


def test_where_no_run_is_that_is_said(tmp_path: Path) -> None:
    engine = LocalEngine()
    assert engine.record(tmp_path) is None
    for ask in (engine.cancel, engine.usage, lambda directory: next(engine.logs(directory))):
        with pytest.raises(InputError, match="there is no run here"):
            ask(tmp_path)


def test_a_broken_state_is_named_by_whoever_asks_for_that_run(run: Path) -> None:
    (run / "state.json").write_text("{", encoding="utf-8")
    for ask in (LocalEngine().record, LocalEngine().cancel, LocalEngine().usage):
        with pytest.raises(InputError, match=r"state\.json: this is no state of a run"):
            ask(run)
