"""The supervisor itself, in a process of its own whose companions, clock or disk are not what they should be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stellwerk.launch import Job
from stellwerk.launch.engines.local import LocalEngine, lock, supervisor
from stellwerk.launch.engines.local.files import LocalFiles, Submission, write_submission
from stellwerk.launch.run_record import RunRecord
from stellwerk.training import contract
from tests.launch.engines.local.local_case import job, until

KEY = "a run"
SUPERVISE = """
import datetime, os, pathlib, sys
from stellwerk.launch.companions import Energy
from stellwerk.launch.engines.local import supervisor
directory = pathlib.Path(sys.argv[1])
{change}
supervisor.Supervisor(directory).run(lambda: None)
"""


def supervise(job: Job, change: str = "") -> tuple[RunRecord, str]:
    """The record of an attempt of ``job`` under a supervisor changed by code, and what it complained of."""
    directory = job.log.parent
    environment = {contract.RUN_DIRECTORY: str(directory)}
    write_submission(LocalFiles(directory).submission, Submission(KEY, job, job.program, environment, outset=directory))
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISE.format(change=change), str(directory)],
        check=True,
        capture_output=True,
        text=True,
    )
    record = LocalEngine().record(directory)
    assert record is not None
    return record, done.stderr


def test_the_mark_of_a_run_is_the_variable_that_the_program_is_told() -> None:
    assert supervisor.RUN_DIRECTORY == contract.RUN_DIRECTORY


@pytest.mark.slow
def test_companions_start_before_the_program_and_stop_after_it(tmp_path: Path) -> None:
    change = """
class Meter:
    def say(self, word):
        with (directory / "run.log").open("a") as log:
            print(word, file=log)
    def start(self): self.say("start")
    def sample(self): (directory / "sampled").touch()
    def stop(self): self.say("stop")
    def energy(self): return Energy(12.5, "rapl")
supervisor.meter_for = lambda directory, job: Meter()
"""
    code = "import pathlib\nwhile not pathlib.Path('sampled').exists(): pass\nprint('program')"
    record, complaints = supervise(job(tmp_path, code, directory=tmp_path), change)
    assert (tmp_path / "run.log").read_text(encoding="utf-8").split() == ["start", "program", "stop"]
    assert (record.latest.state, record.latest.energy_j, record.latest.energy_source) == ("finished", 12.5, "rapl")
    assert complaints == ""


@pytest.mark.slow
def test_a_companion_that_fails_ends_alone(tmp_path: Path) -> None:
    change = """
class Broken:
    calls = 0
    def start(self): pass
    def sample(self):
        (directory / "sampled").touch()
        raise OSError("no such counter")
    def stop(self): (directory / "stopped").touch()
    def energy(self): raise ValueError("nothing measured")
supervisor.meter_for = lambda directory, job: Broken()
supervisor.SAMPLE_EVERY_S = 0.0
"""
    code = "import pathlib\nwhile not pathlib.Path('sampled').exists(): pass"
    record, complaints = supervise(job(tmp_path, code, directory=tmp_path), change)
    assert (record.latest.state, record.latest.energy_j) == ("finished", None)
    assert complaints.count("OSError: no such counter") == 1
    assert "ValueError: nothing measured" in complaints
    assert not (tmp_path / "stopped").exists()


@pytest.mark.slow
def test_a_meter_that_cannot_be_made_costs_the_energy_only(tmp_path: Path) -> None:
    change = "supervisor.meter_for = supervisor.readers_for = lambda directory, job: 1 / 0"
    record, complaints = supervise(job(tmp_path, "pass"), change)
    assert (record.latest.state, record.latest.energy_j) == ("finished", None)
    assert complaints.count("ZeroDivisionError") == 2


@pytest.mark.slow
@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_jumps_neither_ends_nor_extends_a_run(tmp_path: Path, days: int) -> None:
    change = f"""
now = supervisor._now
supervisor._now = lambda: now() + datetime.timedelta(days={days} * (directory / "jumped").exists())
"""
    code = "import pathlib, time\npathlib.Path('jumped').touch()\ntime.sleep(0.5)"
    record, _ = supervise(job(tmp_path, code, directory=tmp_path, limit_s=60.0, stop_before_s=20.0), change)
    assert (record.latest.state, record.latest.reason) == ("finished", None)
    assert 0.5 <= record.latest.wall_s < 40.0
    assert abs((record.latest.since - record.latest.started).days) >= 399


@pytest.mark.slow
def test_the_clock_cannot_keep_a_run_from_its_limit(tmp_path: Path) -> None:
    change = "stopped = supervisor._now(); supervisor._now = lambda: stopped"
    record, _ = supervise(job(tmp_path, "import time; time.sleep(600)", limit_s=0.4, stop_before_s=0.1), change)
    assert record.latest.state == "cancelled"
    assert record.latest.wall_s >= 0.3


@pytest.mark.slow
def test_a_state_that_cannot_be_written_does_not_end_the_run(tmp_path: Path) -> None:
    """A folder in the place of the file stands for a disk that is full; the last word waits until there is room."""
    change = """
supervisor.SAMPLE_EVERY_S = 0.01
supervisor.WRITE_EVERY_S = 0.0
complain = supervisor._complain
def complain_and_make_room(text):
    complain(text)
    if (directory / "over").exists():
        (directory / "state.json").rmdir()
supervisor._complain = complain_and_make_room
"""
    code = (
        "import pathlib\nstate = pathlib.Path('state.json')\n"
        "while not state.is_dir():\n"
        "    try:\n        state.unlink(); state.mkdir()\n    except OSError: pass\n"
        "pathlib.Path('over').touch()"
    )
    record, complaints = supervise(job(tmp_path, code, directory=tmp_path), change)
    assert record.latest.state == "finished"
    assert "state.json: cannot be written" in complaints


@pytest.mark.slow
def test_the_program_does_not_inherit_the_lock(tmp_path: Path) -> None:
    """A program that outlived its supervisor would keep its run from ever being submitted again."""
    engine = LocalEngine(look_every_s=0.02)
    code = (
        "import os\nfor fd in range(99):\n    try: print(os.readlink(f'/proc/self/fd/{fd}'))\n    except OSError: pass"
    )
    engine.submit(job(tmp_path, code), tmp_path, key=KEY)
    lines = list(engine.logs(tmp_path, follow=True))
    assert os.devnull in lines
    assert str(tmp_path / "run.log") in lines
    assert not any(line.endswith("run.lock") for line in lines)
    until(lambda: not lock.is_taken(LocalFiles(tmp_path).lock), "the end of the supervisor")
