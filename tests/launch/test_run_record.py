from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stellwerk.errors import InputError
from stellwerk.launch.run_record import Attempt, ProcessId, RunRecord, read_record, write_record
from stellwerk.messages import Reason

START = datetime.datetime(2026, 11, 28, 1, 2, 3, 456000, tzinfo=datetime.UTC)
FIRST = Attempt("stopped", START, START, 60.0, 900.0, "nvml", 0, Reason("run_stopped_at_limit", {"limit_s": 60.0}))
SECOND = Attempt("running", START, START, 30.0, 100.0, "rapl")
RECORD = RunRecord(
    key="k",
    engine="local",
    processes=2,
    attempts=(FIRST, SECOND),
    steps=12,
    tokens=3400,
    machine="here",
    boot_id="b",
    supervisor=ProcessId(7, 8),
    started_monotonic_s=9.5,
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_record(tmp_path / "state.json", RECORD)
    assert read_record(tmp_path / "state.json") == RECORD
    assert list(tmp_path.iterdir()) == [tmp_path / "state.json"]


def test_no_file_is_no_record(tmp_path: Path) -> None:
    assert read_record(tmp_path / "state.json") is None
    assert read_record(tmp_path / "nowhere" / "state.json") is None


def test_the_status_is_that_of_the_latest_attempt() -> None:
    status = RECORD.status()
    assert (status.state, status.attempt, status.exit_code, status.reason) == ("running", 2, None, None)
    assert RECORD.active
    assert not replace(RECORD, attempts=(FIRST,)).active


def test_usage_is_over_all_attempts_and_named_by_its_weakest_source() -> None:
    usage = RECORD.usage()
    assert (usage.wall_s, usage.device_s) == (90.0, 180.0)
    assert (usage.energy_j, usage.energy_source) == (1000.0, "rapl")


def test_energy_that_one_attempt_does_not_know_is_unknown() -> None:
    usage = replace(RECORD, attempts=(FIRST, replace(SECOND, energy_j=None, energy_source=None))).usage()
    assert (usage.energy_j, usage.energy_source) == (None, None)


def broken(change: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "state.json"
    write_record(path, RECORD)
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 99},
        {"attempts": []},
        {"attempts": [{}]},
        {"attempts": 3},
        {"supervisor": {"pid": 1}},
        {
            "attempts": [
                {
                    **dict.fromkeys(("energy_j", "energy_source", "exit_code", "reason")),
                    "state": "resting",
                    "since": "2026-11-28T00:00:00+00:00",
                    "started": "2026-11-28T00:00:00+00:00",
                    "wall_s": 1,
                }
            ]
        },
    ],
    ids=["schema", "no attempt", "empty attempt", "no list", "half a process", "state"],
)
def test_a_state_that_is_none_is_named(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"state\.json: this is no state of a run"):
        read_record(broken(change, tmp_path))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_torn_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"state\.json: this is no state of a run"):
        read_record(path)
